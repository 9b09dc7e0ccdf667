import type { AddRoutes } from '../http/context.ts'
import { addAccessTokenRoutes } from './access-tokens.ts'
import { addAgentRoutes } from './agents.ts'
import { addAuditRoute } from './audit.ts'
import { addChartRoutes } from './charts.ts'
import { addDataRoute } from './data.ts'
import { addDownloadRoute } from './downloads.ts'
import { addEnrolmentRoutes } from './enrolment.ts'
import { addEntityRoute } from './entities.ts'
import { addEnvironmentRoutes } from './environments.ts'
import { addEventRoute } from './events.ts'
import { addGapRoute } from './gaps.ts'
import { addHeartbeatRoute } from './heartbeat.ts'
import { addInstallRoute } from './install.ts'
import { addMetricRoute } from './metrics.ts'
import { addOperationRoutes } from './operations.ts'
import { addProvisionRoute } from './provision.ts'
import { addRemovalRoutes } from './removal.ts'
import { addSeriesRoute } from './series.ts'
import { addTokenRoutes } from './tokens.ts'
import { addTypeRoutes } from './types.ts'

/** Every route of the API, one function per resource. */
export const ROUTES: readonly AddRoutes[] = [
  addProvisionRoute,
  addTypeRoutes,
  addChartRoutes,
  addInstallRoute,
  addDownloadRoute,
  addDataRoute,
  addHeartbeatRoute,
  addEnrolmentRoutes,
  addEnvironmentRoutes,
  addTokenRoutes,
  addRemovalRoutes,
  addAgentRoutes,
  addEntityRoute,
  addSeriesRoute,
  addGapRoute,
  addMetricRoute,
  addEventRoute,
  addAccessTokenRoutes,
  addAuditRoute,
  addOperationRoutes,
]

import { entity, event, metric } from '../../connector/signal-catalog.ts'
import type { EntityReference, Signals } from '../../connector/signals.ts'
import type { OutboxState } from '../../delivery/outbox.ts'

const collector = { 'rca.collector.name': 'Name of the collector.' }

/** The signals of the agent itself, which every connector's agent emits. */
export const selfSignals = {
  agent: entity({
    type: 'rca.agent',
    description: 'The agent itself.',
    attributes: {
      'rca.agent.type': 'Type of its connector.',
      'service.version': 'Its version.',
      'process.pid': 'Its process id.',
      'process.runtime.version': 'Version of Node.js.',
    },
    relations: { observes: 'The entity that the agent watches.' },
  }),
  crashed: event({
    name: 'agent.crashed',
    severity: 'error',
    description:
      'Its last run ended by an uncaught error or by a call of `process.exit`. Reported by the next run, with a state directory.',
    attributes: {
      'rca.agent.type': 'Type of its connector.',
      'rca.connector.package': 'Package of its connector.',
      'rca.connector.version': 'Version of that package.',
      'exception.message': 'Why it ended.',
      'exception.stacktrace': 'Stack of the error, or of the call.',
      'process.exit.code': 'Code with which the call ended it.',
    },
  }),
  collectorDuration: metric({
    name: 'rca.collector.duration',
    unit: 's',
    kind: 'gauge',
    description: 'Duration of the last run.',
    attributes: collector,
  }),
  collectorFailures: metric({
    name: 'rca.collector.failures',
    unit: '{failure}',
    kind: 'counter',
    description: 'Runs that failed since the agent started.',
    attributes: collector,
  }),
  outboxReports: metric({
    name: 'rca.outbox.reports',
    unit: '{report}',
    kind: 'updowncounter',
    description: 'Reports in the queue.',
  }),
  outboxSize: metric({
    name: 'rca.outbox.size',
    unit: 'By',
    kind: 'updowncounter',
    description: 'Bytes of the reports in the queue; large reports are compressed.',
  }),
  outboxDropped: metric({
    name: 'rca.outbox.dropped',
    unit: '{report}',
    kind: 'counter',
    description: 'Reports dropped since the agent started.',
  }),
  memoryUsage: metric({
    name: 'process.memory.usage',
    unit: 'By',
    kind: 'updowncounter',
    description: 'Resident memory of the agent.',
  }),
  cpuTime: metric({
    name: 'process.cpu.time',
    unit: 's',
    kind: 'counter',
    description: 'CPU time of the agent.',
    attributes: { 'cpu.mode': '`user` or `system`.' },
  }),
}

export interface SelfState {
  readonly agentId: string
  readonly agentType: string
  readonly agentVersion: string
  readonly observes: EntityReference
  readonly runs: readonly { readonly collector: string; readonly durationMs: number }[]
  readonly failures: ReadonlyMap<string, number>
  readonly outbox: OutboxState
}

export function collectSelf(state: SelfState): Signals {
  const agent = selfSignals.agent.entity({
    id: state.agentId,
    name: `${state.agentType} agent`,
    attributes: {
      'rca.agent.type': state.agentType,
      'service.version': state.agentVersion,
      'process.pid': process.pid,
      'process.runtime.version': process.version,
    },
    relations: [{ type: 'observes', target: state.observes }],
  })
  const cpu = process.cpuUsage()
  return {
    entities: [agent],
    metrics: [
      ...state.runs.map((run) =>
        selfSignals.collectorDuration.point(run.durationMs / 1000, agent, { 'rca.collector.name': run.collector }),
      ),
      ...[...state.failures].map(([name, count]) =>
        selfSignals.collectorFailures.point(count, agent, { 'rca.collector.name': name }),
      ),
      selfSignals.outboxReports.point(state.outbox.reports, agent),
      selfSignals.outboxSize.point(state.outbox.bytes, agent),
      selfSignals.outboxDropped.point(state.outbox.dropped, agent),
      selfSignals.memoryUsage.point(process.memoryUsage.rss(), agent),
      selfSignals.cpuTime.point(cpu.user / 1e6, agent, { 'cpu.mode': 'user' }),
      selfSignals.cpuTime.point(cpu.system / 1e6, agent, { 'cpu.mode': 'system' }),
    ],
  }
}

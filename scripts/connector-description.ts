import type { Connector } from '../packages/core/src/connector/connector.ts'
import { isConnector } from '../packages/core/src/connector/define-connector.ts'
import {
  createStaticDescription,
  type DescribedPackage,
  type StaticDescription,
} from '../packages/core/src/registry/static-description.ts'

/** Imports a module, and describes the connector that it exports for `rca.json`. @throws Error if it exports none */
export async function describeConnector(url: string, described: DescribedPackage): Promise<StaticDescription> {
  const exported = (await import(url)) as Record<string, unknown>
  const connector = Object.values(exported).find(isConnector)
  if (connector === undefined) throw new Error(`${described.name} exports no connector from ${url}`)
  return createStaticDescription(connector as Connector, described)
}

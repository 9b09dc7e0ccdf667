import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type PackedChart, packChart } from './pack-chart.ts'

/** Files that install an agent in a cluster. */
export interface AgentFiles {
  /** Packs the chart on the first call. Rejects when it cannot be read. */
  chart(): Promise<PackedChart>
  /** Returns the plain manifests for a namespace. @throws {Error} when they cannot be read. */
  manifests(namespace: string): string
}

/** Namespace in the manifests of the agent's package. */
export const MANIFESTS_NAMESPACE = 'incident-rca'

/** Reads the files from the folder of the agent's package on request. */
export function createAgentFiles(folder: string): AgentFiles {
  let packed: Promise<PackedChart> | undefined
  return {
    chart: () => {
      packed ??= packChart(join(folder, 'chart')).catch((error: unknown) => {
        packed = undefined
        throw error
      })
      return packed
    },
    manifests: (namespace) => withNamespace(readFileSync(join(folder, 'manifests/agent.yaml'), 'utf8'), namespace),
  }
}

/** Replaces the namespace. It is also the prefix that makes the names of cluster-wide objects unique. */
function withNamespace(manifests: string, namespace: string): string {
  return manifests
    .replaceAll(/^( *namespace: )incident-rca$/gm, `$1${namespace}`)
    .replaceAll(/^( *name: )incident-rca-(?=incident-rca-agent$)/gm, `$1${namespace}-`)
}

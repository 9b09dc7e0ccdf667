import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ProblemError } from '../http/problem-error.ts'
import { type PackedChart, packChart } from './pack-chart.ts'

/** What the platform serves so that agents can be installed in a cluster. */
export interface AgentFiles {
  /** @throws {ProblemError} 404 when the chart is not there. */
  chart(): Promise<PackedChart>
  /** The plain manifests, in a namespace. @throws {ProblemError} 404 when they are not there. */
  manifests(namespace: string): string
}

/** The agent's package beside this one, which has the chart and the manifests. */
export const DEFAULT_AGENT_FOLDER: string = fileURLToPath(new URL('../../../agent', import.meta.url))

/** The namespace for which the manifests are written. */
export const MANIFESTS_NAMESPACE = 'incident-rca'

/** Reads what is served from the folder of the agent's package when it is asked for, the chart once. */
export function createAgentFiles(folder: string): AgentFiles {
  let packed: Promise<PackedChart> | undefined
  return {
    chart: () => {
      packed ??= packChart(join(folder, 'chart')).catch((error: unknown) => {
        packed = undefined
        throw absent('chart', error)
      })
      return packed
    },
    manifests: (namespace) => {
      try {
        return inNamespace(readFileSync(join(folder, 'manifests/agent.yaml'), 'utf8'), namespace)
      } catch (error) {
        throw absent('manifests', error)
      }
    },
  }
}

/** Names of objects that belong to no namespace begin with it, so that they are unique in the cluster. */
function inNamespace(manifests: string, namespace: string): string {
  return manifests
    .replaceAll(/^( *namespace: )incident-rca$/gm, `$1${namespace}`)
    .replaceAll(/^( *name: )incident-rca-(?=incident-rca-agent$)/gm, `$1${namespace}-`)
}

function absent(what: string, cause: unknown): ProblemError {
  return new ProblemError(
    404,
    `The agent’s ${what} cannot be read here. Set \`RCA_AGENT_FOLDER\` to the folder of the agent’s package.`,
    { cause },
  )
}

import type { Event } from '@rca/core/connector'
import { componentMessage } from '../../evidence/component-message.ts'
import { type EndedRun, ranOutOfMemory } from '../../evidence/ended-run.ts'
import { lastReport } from '../../evidence/last-report.ts'
import { nodeProblems } from '../../evidence/node-problems.ts'
import { type RunEvidence, readRunEvidence } from '../../evidence/run-evidence.ts'
import type { Pod, PodContainer } from '../../kinds/pod/pod.ts'
import { containerReference } from '../../kinds/references.ts'
import type { KubernetesClient } from '../../kubernetes-client.ts'
import { signals } from '../../signals.ts'
import { affectedAttribute, ofMany } from '../alike.ts'
import { momentOf } from '../event-time.ts'
import { called, containerAttributes, resourceAttributes, runAttributes } from './container-attributes.ts'
import type { Telling } from './restart-loop.ts'
import { signalName } from './signal-name.ts'

/** A run of a container that has ended, as it was told. */
export interface ContainerEnd {
  readonly pod: Pod
  readonly container: PodContainer
  readonly run: EndedRun
  readonly telling: Exclude<Telling, 'not at all'>
  /** Which it is of those that fare alike. */
  readonly affected: number
  /** When it was heard of. */
  readonly heardAt: Date
}

/** A crash in full, or one of many in a row, with its evidence. `signal` aborts when that takes too long: what is there is told then. */
export async function describeEnd(client: KubernetesClient, end: ContainerEnd, signal: AbortSignal): Promise<Event> {
  const { pod, container, run, telling, affected, heardAt } = end
  const facts = factsOf(client, end)
  const evidence = await readRunEvidence(client, pod, container.name, run, signal)
  const occurrence = {
    at: momentOf(run.end.finishedAt, heardAt),
    entity: containerReference(pod.uid, container.name),
    severity: ranOutOfMemory(run) ? ('critical' as const) : ('error' as const),
  }
  const attributes = {
    ...facts,
    ...evidenceAttributes(client, end, evidence),
    'k8s.workload.container_ends': affectedAttribute(affected),
  }
  const name = `${pod.uid}/${container.name}`
  if (telling === 'in full')
    return signals.containerCrashed.event({
      ...occurrence,
      id: `${name}/crashed/${run.id}`,
      body: `${called(pod, container)} ${howItEnded(run)}${ofMany(affected)}`,
      attributes,
    })
  return signals.containerRestartLoop.event({
    ...occurrence,
    id: `${name}/restart_loop/${telling.at}`,
    body: `${called(pod, container)} ends again and again, ${telling.count} times in a row: it ${howItEnded(run)}${ofMany(affected)}`,
    attributes: { ...attributes, 'k8s.container.restart_loop.count': telling.count },
  })
}

/** What is known at once: what comes after may change it. */
function factsOf(client: KubernetesClient, { pod, container, run }: ContainerEnd) {
  const memory = client.lastMemory.of(containerReference(pod.uid, container.name).id)
  return {
    ...containerAttributes(client, pod, container),
    ...runAttributes(container, run),
    ...resourceAttributes(container),
    'container.memory.working_set': memory?.workingSet,
    'container.memory.working_set_at': memory?.at.toISOString(),
  }
}

function evidenceAttributes(client: KubernetesClient, { pod, container, run }: ContainerEnd, evidence: RunEvidence) {
  const { log, logMissing, redact } = evidence
  const { message } = run.end
  const probe = lastReport(client.cluster, pod, container.name, ({ reason }) => reason === 'Unhealthy')
  const problems = nodeProblems(client.cluster, pod.node)
  return {
    // Who knows not what is secret tells nothing that the container wrote.
    'k8s.container.last_terminated.message': message && redact?.(message),
    'k8s.container.probe.message': probe && redact && componentMessage(probe.message, redact),
    'k8s.container.probe.failed_at': probe?.lastAt,
    'k8s.node.problems': problems.length === 0 ? undefined : problems,
    'k8s.container.log': log,
    'k8s.container.log_missing': logMissing,
  }
}

function howItEnded(run: EndedRun): string {
  const { exitCode, signal, reason } = run.end
  const name = signalName(exitCode, signal)
  const code = `exit code ${exitCode ?? 'unknown'}${name === undefined ? '' : ` (${name})`}`
  if (ranOutOfMemory(run)) return `ran out of memory and ended with ${code}`
  const why = reason === undefined || reason === 'Error' || reason === 'Completed' ? '' : `: ${reason}`
  return exitCode === 0 ? `ended with ${code}${why}` : `crashed with ${code}${why}`
}

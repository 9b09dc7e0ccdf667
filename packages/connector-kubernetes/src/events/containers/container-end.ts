import type { Event, EventSample } from '@rca/core/connector'
import { componentMessage } from '../../evidence/component-message.ts'
import { type EndedRun, failedToStart } from '../../evidence/ended-run.ts'
import { type KillCause, kubeletKill } from '../../evidence/kubelet-kill.ts'
import { latestClusterEvent } from '../../evidence/latest-cluster-event.ts'
import { nodeProblems } from '../../evidence/node-problems.ts'
import type { ContainerRun } from '../../evidence/oom-kill.ts'
import type { RunEvidence } from '../../evidence/run-evidence.ts'
import type { ClusterEvent } from '../../kinds/event/event.ts'
import { containerReference } from '../../kinds/references.ts'
import type { KubernetesClient } from '../../kubernetes-client.ts'
import { timeOrNow } from '../occurrence.ts'
import { affectedCount, affectedSuffix } from '../sample-text.ts'
import { probeKind } from '../warnings/warning-kinds.ts'
import {
  containerAttributes,
  containerTitle,
  resourceAttributes,
  runAttributes,
  signalName,
} from './container-attributes.ts'
import type { ReportedEnd } from './restart-loop.ts'
import { signals } from './signals.ts'

export interface ContainerEnd extends ContainerRun {
  readonly reported: ReportedEnd
  readonly seenAt: Date
}

/** Findings about an end that take time. */
interface Findings {
  readonly evidence: RunEvidence
  readonly isOomKilled: boolean
  /** Its sample among the ends in other pods of the workload, if those are sampled. */
  readonly sample: EventSample | undefined
}

/**
 * Returns a function that describes an end: a crash, or a restart loop. Later changes of the cluster do not alter its
 * facts.
 */
export function describeEnd(client: KubernetesClient, end: ContainerEnd): (findings: Findings) => Event {
  const { pod, container, run, reported, seenAt } = end
  const facts = factsOf(client, end)
  return ({ evidence, isOomKilled, sample }) => {
    const occurrence = {
      at: timeOrNow(run.end.finishedAt, seenAt),
      entity: containerReference(pod.uid, container.name),
      severity: isOomKilled ? ('critical' as const) : ('error' as const),
    }
    const cause = kubeletKill(client.cluster, pod, container.name, run)?.cause
    const attributes = {
      ...facts,
      ...evidenceAttributes(client, end, evidence, cause),
      'container.oom_killed': isOomKilled,
      'k8s.workload.container_ends': sample && affectedCount(sample),
    }
    const id = `${pod.uid}/${container.name}`
    const title = containerTitle(pod, container)
    const how = `${howItEnded(run, isOomKilled, cause)}${sample === undefined ? '' : affectedSuffix(sample)}`
    if (reported.loopAt === undefined)
      return signals.containerCrashed.event({
        ...occurrence,
        id: `${id}/crashed/${run.id}`,
        body: `${title} ${how}`,
        attributes,
      })
    const { count } = reported.sample
    return signals.containerRestartLoop.event({
      ...occurrence,
      id: `${id}/restart_loop/${reported.loopAt}`,
      body: failedToStart(run)
        ? `${title} could not be started ${count} times in a row: ${[run.end.reason, exitText(run)].filter(Boolean).join(', ')}`
        : `${title} ends again and again, ${count} times in a row: it ${how}`,
      attributes: { ...attributes, 'k8s.container.restart_loop.count': count },
    })
  }
}

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

function evidenceAttributes(
  client: KubernetesClient,
  { pod, container, run }: ContainerEnd,
  evidence: RunEvidence,
  cause: KillCause | undefined,
) {
  const { log, logMissing, redact } = evidence
  const { message } = run.end
  const latest = (isWanted: (event: ClusterEvent) => boolean) =>
    latestClusterEvent(client.cluster, pod, container.name, isWanted)
  // Probes of several kinds may fail at the same time: only one of them is the reason for the end.
  const probe = latest(
    (event) => event.reason === 'Unhealthy' && (!cause?.endsWith('probe') || cause === `${probeKind(event)} probe`),
  )
  const hook = cause === 'postStart hook' ? latest(({ reason }) => reason === 'FailedPostStartHook') : undefined
  const problems = nodeProblems(client.cluster, pod.node)
  return {
    // Texts that the container wrote are left out if its secrets are unknown.
    'k8s.container.last_terminated.message': message && redact?.(message),
    'k8s.container.probe.message': probe && redact && componentMessage(probe.message, redact),
    'k8s.container.probe.failed_at': probe?.lastAt,
    'k8s.container.killed_by': cause,
    'k8s.container.hook.message': hook && redact && componentMessage(hook.message, redact),
    'k8s.node.problems': problems.length === 0 ? undefined : problems,
    'k8s.container.log': log,
    'k8s.container.log_missing': logMissing,
  }
}

function howItEnded(run: EndedRun, isOomKilled: boolean, cause: KillCause | undefined): string {
  const { exitCode, reason } = run.end
  const code = exitText(run)
  if (isOomKilled) return `ran out of memory and ended with ${code}`
  if (cause === 'postStart hook') return `was killed because its postStart hook failed, and ended with ${code}`
  if (cause !== undefined) return `was killed by its ${cause} and ended with ${code}`
  const why = reason === undefined || reason === 'Error' || reason === 'Completed' ? '' : `: ${reason}`
  return exitCode === 0 ? `ended with ${code}${why}` : `crashed with ${code}${why}`
}

function exitText({ end: { exitCode, signal } }: EndedRun): string {
  const name = signalName(exitCode, signal)
  return `exit code ${exitCode ?? 'unknown'}${name === undefined ? '' : ` (${name})`}`
}

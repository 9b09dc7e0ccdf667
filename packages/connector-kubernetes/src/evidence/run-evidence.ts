import { setTimeout as wait } from 'node:timers/promises'
import { redactSecrets, tailOf } from '@rca/core/connector'
import type { LogRequest } from '../api/kubernetes-api.ts'
import { fields, list, text } from '../kinds/fields.ts'
import { type Pod, projectPod } from '../kinds/pod/pod-projection.ts'
import type { KubernetesClient } from '../kubernetes-client.ts'
import { type EndedRun, endedRuns } from './ended-run.ts'

const MAX_LOG_BYTES = 1_048_576

/** Lines that always fit: runtimes cut lines at 16 KiB. */
const FITTING_LINES = 32

/** Time until a run that a kubelet has started is known here. */
const STATUS_DELAY_MS = 250

/** Evidence that is requested after the end of a run. */
export interface RunEvidence {
  readonly log: string | undefined
  readonly logMissing: string | undefined
  /** Removes the container's secrets from a text; `undefined` if the secrets are unknown. */
  readonly redact: ((text: string) => string) | undefined
}

/**
 * Reads the end of a run's log and removes secrets from it, for which it reads the pod's literal variables. If they
 * cannot be read, there is no log: its secrets are unknown.
 */
export async function readRunEvidence(
  client: KubernetesClient,
  pod: Pod,
  container: string,
  run: EndedRun,
  signal: AbortSignal,
): Promise<RunEvidence> {
  const none = (logMissing: string): RunEvidence => ({ log: undefined, logMissing, redact: undefined })
  const pods = client.cluster.resource('pods')
  if (pods === undefined) return none('the server has no pods')
  let redact: RunEvidence['redact']
  try {
    const raw = await client.api.get(pods, { namespace: pod.namespace, name: pod.name }, signal)
    client.refusals.allow('pods', pod.namespace)
    if (raw === undefined) return none('the pod was deleted')
    const found = projectPod(raw)
    if (found.uid !== pod.uid) return none('the pod was deleted and another has its name')
    redact = redactorOf(raw)
    const lines = client.config.crash_log_lines
    if (lines === 0) return { log: undefined, logMissing: '`crash_log_lines` is 0', redact }
    const log = await readLog(client, found, container, run.id, lines, signal)
    if ('missing' in log) return { log: undefined, logMissing: log.missing, redact }
    return { log: tailOf(log.text, { lines: log.lines, redact }), logMissing: undefined, redact }
  } catch (error) {
    client.refusals.note(error)
    return { ...none(error instanceof Error ? error.message : String(error)), redact }
  }
}

/** Returns a function that removes the secrets of a pod from a text; `undefined` if its variables cannot be read. */
export async function readRedactor(
  { api, cluster }: KubernetesClient,
  { namespace, name, uid }: Pick<Pod, 'namespace' | 'name' | 'uid'>,
  signal: AbortSignal,
): Promise<RunEvidence['redact']> {
  const pods = cluster.resource('pods')
  const raw = pods === undefined ? undefined : await api.get(pods, { namespace, name }, signal).catch(() => undefined)
  return raw === undefined || projectPod(raw).uid !== uid ? undefined : redactorOf(raw)
}

function redactorOf(raw: unknown): (text: string) => string {
  const { initContainers, containers, ephemeralContainers } = fields(fields(raw).spec)
  const environment = [initContainers, containers, ephemeralContainers]
    .flatMap(list)
    .flatMap(({ env }) => list(env))
    .flatMap((variable) => {
      const [name, value] = [text(variable.name), text(variable.value)]
      return name === undefined || value === undefined ? [] : [`${name}=${value}`]
    })
  return (written) => redactSecrets(written, environment)
}

/** Reads the log of a run, which becomes the `previous` log as soon as the next run starts. */
async function readLog(
  { api, cluster, refusals }: KubernetesClient,
  pod: Pod,
  container: string,
  runId: string,
  lines: number,
  signal: AbortSignal,
): Promise<ReadLines | { readonly missing: string }> {
  let known: Pod | undefined = pod
  for (const isSecondTry of [false, true]) {
    const isPrevious = isPreviousLog(known, container, runId)
    if (isPrevious === undefined) return { missing: 'the container has run and ended again since' }
    const request = { namespace: pod.namespace, pod: pod.name, container, previous: isPrevious }
    const read = await readLines(api, request, lines, signal)
    refusals.allow('pods/log', pod.namespace)
    if (!isPrevious && pod.restartPolicy !== 'Never') await wait(STATUS_DELAY_MS, undefined, { signal })
    known = cluster.objects('pods').get(pod.uid)
    const isMoved = !isPrevious && known !== undefined && isPreviousLog(known, container, runId) !== false
    if (isMoved && !isSecondTry) continue
    return read ?? { missing: 'the node no longer has the log' }
  }
  return { missing: 'the container restarts too quickly' }
}

/** Returns whether the log of a run is the `previous` log; `undefined` if the status no longer contains the run. */
function isPreviousLog(pod: Pod | undefined, container: string, runId: string): boolean | undefined {
  const status = pod?.containers.find(({ name }) => name === container)?.status
  return endedRuns(status).find(({ id }) => id === runId)?.isPrevious
}

interface ReadLines {
  readonly text: string
  /** Number of lines that are wanted: one line more was requested. */
  readonly lines: number
}

async function readLines(
  api: KubernetesClient['api'],
  request: Omit<LogRequest, 'limitBytes' | 'lines'>,
  lines: number,
  signal: AbortSignal,
): Promise<ReadLines | undefined> {
  const text = await api.text({ ...request, lines: lines + 1, limitBytes: MAX_LOG_BYTES }, signal)
  // The server sends the beginning of a longer log, and may cut a character at its end.
  if (text === undefined) return undefined
  if (Buffer.byteLength(text) < MAX_LOG_BYTES - 4) return { text, lines }
  const fewer = Math.min(lines, FITTING_LINES)
  const end = await api.text({ ...request, lines: fewer + 1, limitBytes: MAX_LOG_BYTES }, signal)
  return end === undefined ? undefined : { text: end, lines: fewer }
}

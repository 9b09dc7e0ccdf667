import { setTimeout as wait } from 'node:timers/promises'
import { tailOf, withoutSecrets } from '@rca/core/connector'
import type { LogRequest } from '../api/kubernetes-api.ts'
import { fields, list, text } from '../kinds/fields.ts'
import { type Pod, projectPod } from '../kinds/pod/pod.ts'
import type { KubernetesClient } from '../kubernetes-client.ts'
import { type EndedRun, endedRuns } from './ended-run.ts'

/** Longest log that is read, in bytes. */
const LONGEST = 1_048_576

/** So many lines are shorter than that: runtimes cut lines at 16 KiB. */
const FEW_LINES = 32

/** Characters of a log's end of which 16 KiB are left when secrets are out. */
const SEARCHED = 65_536

/** How long it takes at most until the next run, which a kubelet knows of, is known here, in milliseconds. */
const LAG = 250

/** What had to be asked for after a run ended. */
export interface RunEvidence {
  readonly log: string | undefined
  readonly logMissing: string | undefined
  /** Takes out of a text what the container, or who speaks of it, could have written of its secrets. `undefined`: they are not known. */
  readonly redact: ((text: string) => string) | undefined
}

/**
 * The end of the log of a run, without secrets. The container's literal variables are read for that, stay in memory, and are
 * dropped. A container whose variables cannot be read has no log: what is secret in it is not known.
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
    if (raw === undefined) return none('the pod is gone')
    const found = projectPod(raw)
    if (found.uid !== pod.uid) return none('the pod is gone, another took its name')
    const environment = environmentOf(raw)
    redact = (written) => withoutSecrets(written, environment)
    const lines = client.config.crash_log_lines
    if (lines === 0) return { log: undefined, logMissing: '`crash_log_lines` is 0', redact }
    const log = await readLog(client, found, container, run.id, lines, signal)
    if ('missing' in log) return { log: undefined, logMissing: log.missing, redact }
    return { log: tailOf(redact(endOf(log.text))), logMissing: undefined, redact }
  } catch (error) {
    client.refusals.note(error)
    return { ...none(error instanceof Error ? error.message : String(error)), redact }
  }
}

/**
 * Takes out of a text the secrets of a pod, whose literal variables are read for that and dropped. `undefined` where they cannot
 * be read.
 */
export async function readRedactor(
  { api, cluster }: KubernetesClient,
  { namespace, name, uid }: Pick<Pod, 'namespace' | 'name' | 'uid'>,
  signal: AbortSignal,
): Promise<RunEvidence['redact']> {
  const pods = cluster.resource('pods')
  const raw = pods === undefined ? undefined : await api.get(pods, { namespace, name }, signal).catch(() => undefined)
  if (raw === undefined || projectPod(raw).uid !== uid) return undefined
  const environment = environmentOf(raw)
  return (written) => withoutSecrets(written, environment)
}

/** Every variable of the pod whose value stands in it, as `NAME=value`. */
function environmentOf(raw: unknown): string[] {
  const { initContainers, containers, ephemeralContainers } = fields(fields(raw).spec)
  return [initContainers, containers, ephemeralContainers]
    .flatMap(list)
    .flatMap(({ env }) => list(env))
    .flatMap((variable) => {
      const [name, value] = [text(variable.name), text(variable.value)]
      return name === undefined || value === undefined ? [] : [`${name}=${value}`]
    })
}

/** Reads the log of the run, which the next run may make the one before at any moment. */
async function readLog(
  { api, cluster, refusals }: KubernetesClient,
  pod: Pod,
  container: string,
  runId: string,
  lines: number,
  signal: AbortSignal,
): Promise<{ readonly text: string } | { readonly missing: string }> {
  let known: Pod | undefined = pod
  for (const isSecondTry of [false, true]) {
    const isPrevious = placeOf(known, container, runId)
    if (isPrevious === undefined) return { missing: 'the container has run and ended again since' }
    const request = { namespace: pod.namespace, pod: pod.name, container, previous: isPrevious }
    const text = await readLines(api, request, lines, signal)
    refusals.allow('pods/log', pod.namespace)
    if (!isPrevious && pod.restartPolicy !== 'Never') await wait(LAG, undefined, { signal })
    known = cluster.objects('pods').get(pod.uid)
    const isMoved = !isPrevious && known !== undefined && placeOf(known, container, runId) !== false
    if (isMoved && !isSecondTry) continue
    return text === undefined ? { missing: 'the node no longer has the log' } : { text }
  }
  return { missing: 'the container runs again and again' }
}

/** Whether the log of a run is that of the run before; `undefined` where it is no longer told of. */
function placeOf(pod: Pod | undefined, container: string, runId: string): boolean | undefined {
  const status = pod?.containers.find(({ name }) => name === container)?.status
  return status === undefined ? undefined : endedRuns(status).find(({ id }) => id === runId)?.isPrevious
}

async function readLines(
  api: KubernetesClient['api'],
  request: Omit<LogRequest, 'limitBytes' | 'lines'>,
  lines: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const read = await api.text({ ...request, lines, limitBytes: LONGEST }, signal)
  // Of what is longer the server sends the beginning. A character at the cut may be missing.
  if (read === undefined || Buffer.byteLength(read) < LONGEST - 4) return read
  return api.text({ ...request, lines: Math.min(lines, FEW_LINES), limitBytes: LONGEST }, signal)
}

/** More than is kept, from the beginning of a line on: searching a whole long log for secrets would hold up everything else. */
function endOf(log: string): string {
  if (log.length <= SEARCHED) return log
  const end = log.slice(-SEARCHED)
  const lineFeed = end.slice(0, -1).indexOf('\n')
  return lineFeed === -1 ? end : end.slice(lineFeed + 1)
}

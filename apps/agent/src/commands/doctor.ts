import { access, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import {
  type AccessCheck,
  type Agent,
  createAgent,
  isGuessable,
  networkReason,
  parseAgentToken,
  parseConfig,
  type Registry,
  silentLogger,
  toTerminalJson,
  toTerminalLine,
} from '@rca/core'
import { AGENT_PATHS } from '@rca/core/protocol'
import { type Environment, findMisspelt, readAgentOptions } from '../environment.ts'
import { EXIT_CODES } from '../exit.ts'
import { type ProxyUse, useProxy } from '../proxy.ts'
import { print } from '../standard-output.ts'

/** Result of one check. `text` is the result and, unless it is `ok`, the fix. */
interface Finding {
  readonly level: 'ok' | 'warn' | 'fail'
  readonly subject: string
  readonly text: string
}

const ok = (subject: string, text: string): Finding => ({ level: 'ok', subject, text })
const warn = (subject: string, text: string): Finding => ({ level: 'warn', subject, text })
const fail = (subject: string, text: string): Finding => ({ level: 'fail', subject, text })

const PLATFORM_TIMEOUT_MS = 10_000

/** Largest difference between this machine's clock and the platform's at which events can still be put in order. */
const MAX_CLOCK_SKEW_MS = 30_000

/**
 * Checks configuration, state, access to what is watched, platform and token, and prints what to fix. Returns the exit
 * code. Warnings alone do not fail: a gap may be intended, such as a permission that the operator did not grant.
 */
export async function doctor(
  registry: Registry,
  environment: Environment,
  { json = false }: { readonly json?: boolean | undefined } = {},
): Promise<number> {
  const findings: Finding[] = []
  for await (const finding of runChecks(registry, environment)) {
    findings.push(finding)
    if (!json) print(`${toLines(finding)}\n`)
  }
  const failed = findings.filter((finding) => finding.level === 'fail').length
  const warned = findings.filter((finding) => finding.level === 'warn').length
  const end = conclusion(failed, warned)
  print(json ? `${toTerminalJson({ findings, conclusion: end }, 2)}\n` : `\n${end}\n`)
  return failed === 0 ? EXIT_CODES.ok : EXIT_CODES.unhealthy
}

const MAX_COLUMNS = 100
const LEVEL_COLUMNS = 6
const SUBJECT_COLUMNS = 16

/** Breaks a finding into lines. A word that is longer than a line, such as an address, stays whole. */
function toLines({ level, subject, text }: Finding): string {
  const indent = LEVEL_COLUMNS + SUBJECT_COLUMNS
  const lines: string[] = []
  let line = ''
  for (const word of toTerminalLine(text).split(' ')) {
    if (line !== '' && indent + line.length + 1 + word.length > MAX_COLUMNS) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  lines.push(line)
  return `${level.padEnd(LEVEL_COLUMNS)}${subject.padEnd(SUBJECT_COLUMNS)}${lines.join(`\n${' '.repeat(indent)}`)}`
}

function conclusion(failed: number, warned: number): string {
  const warnings = `${warned} ${warned === 1 ? 'warning' : 'warnings'}`
  if (failed > 0) return warned === 0 ? `${failed} to fix.` : `${failed} to fix, and ${warnings}.`
  if (warned > 0) return `Nothing failed. ${warnings}: fix those that are not intended.`
  return 'Nothing to fix.'
}

async function* runChecks(registry: Registry, environment: Environment): AsyncGenerator<Finding> {
  for (const { message } of [...registry.problems, ...registry.warnings]) yield warn('connectors', message)
  let agent: Agent
  let options: Awaited<ReturnType<typeof readAgentOptions>>
  let use: ProxyUse
  try {
    options = await readAgentOptions(environment, registry)
    use = useProxy(environment, options.connector.type)
    agent = createAgent({ ...options, logger: silentLogger })
  } catch (error) {
    for (const line of (error as Error).message.split('\n')) yield fail('configuration', line)
    return
  }
  const { connectorOrigin: origin } = options
  const watching = origin === undefined ? '' : `, with ${origin.package}@${origin.version}`
  yield ok('configuration', `valid, for an agent of type \`${agent.agentType}\`${watching}`)
  for (const { name, suggestion } of findMisspelt(environment, options.connector))
    yield warn('configuration', `unknown variable ${name} is ignored. Did you mean ${suggestion}?`)
  const { secrets } = parseConfig(options.connector, options.config)
  if (secrets.some(isGuessable))
    yield warn(
      'configuration',
      'a secret has less than 8 characters or is a word: names and ids that contain this text stay as they are. Use a random secret',
    )
  if (use.problem !== undefined) yield warn('proxy', use.problem)
  if (use.proxy !== undefined) yield ok('proxy', `${use.proxy} is used, except for hosts in NO_PROXY`)
  yield await checkState(options.stateDirectory)
  try {
    yield* checkAccess(agent)
    yield* checkPlatform(agent, options)
  } finally {
    await agent.stop()
  }
}

async function* checkAccess(agent: Agent): AsyncGenerator<Finding> {
  try {
    const { data } = await agent.collectMetrics()
    yield ok('access', `read ${data.entities.length} entities and ${data.metrics.length} metrics`)
    for (const gap of data.gaps) yield warn('access', `${gap.scope}: ${gap.reason}`)
  } catch (error) {
    const fix = `Check the options of ${agent.agentType}, and the permissions of this user`
    yield fail('access', `${(error as Error).message}. ${fix}`)
  }
}

async function* checkPlatform(
  agent: Agent,
  { platformUrl, agentToken, stateDirectory }: Awaited<ReturnType<typeof readAgentOptions>>,
): AsyncGenerator<Finding> {
  const sentAt = Date.now()
  let skew: number
  try {
    const response = await fetch(addressOf(platformUrl, '/healthz'), {
      signal: AbortSignal.timeout(PLATFORM_TIMEOUT_MS),
    })
    await response.body?.cancel()
    skew = Date.parse(response.headers.get('date') ?? '') - sentAt
  } catch (error) {
    const fix = 'Check PLATFORM_API_URL, name resolution, firewall and proxy'
    yield fail('platform', `${platformUrl} cannot be reached: ${networkReason(error)}. ${fix}`)
    return
  }
  const access = await agent.checkAccess()
  const finding =
    access.accepted === undefined
      ? await checkToken(platformUrl, parseAgentToken(agentToken))
      : describeAccess(access, stateDirectory !== undefined)
  if (finding.subject === 'token') {
    yield ok('platform', `${platformUrl} responds`)
    const difference = `${Math.round(Math.abs(skew) / 1000)} s ${skew < 0 ? 'ahead of' : 'behind'}`
    if (Math.abs(skew) > MAX_CLOCK_SKEW_MS)
      yield warn('clock', `this machine's clock is ${difference} the platform's. Synchronise it`)
  }
  yield finding
}

function describeAccess({ accepted, keyExpiresAt, reason }: AccessCheck, hasState: boolean): Finding {
  if (accepted === false)
    return fail(
      'token',
      `refused by the platform: ${reason?.replace(/\.$/, '')}. Set AGENT_TOKEN to a newly provisioned token`,
    )
  if (keyExpiresAt !== undefined)
    return ok('token', `enrolled: the platform accepts this agent's own key, valid until ${keyExpiresAt}`)
  const next = hasState ? 'the agent enrols when it starts' : 'without RCA_STATE_DIR the agent keeps using the token'
  return ok('token', `accepted by the platform. Not enrolled: ${next}`)
}

/**
 * Checks the token on an older platform: sends an empty delivery, which the platform refuses only after it has checked
 * the token. Nothing is stored. Other web servers answer with another status.
 */
async function checkToken(platformUrl: string, agentToken: string): Promise<Finding> {
  const { status } = await fetch(addressOf(platformUrl, AGENT_PATHS.data), {
    method: 'POST',
    headers: { authorization: `Bearer ${agentToken}`, 'content-type': 'application/json' },
    body: '{"reports":[]}',
    signal: AbortSignal.timeout(PLATFORM_TIMEOUT_MS),
  })
  if (status === 422) return ok('token', 'accepted by the platform')
  if (status === 429 || status >= 500) return warn('token', `not checked: the platform answered ${status}. Try again`)
  if (status !== 401 && status !== 403) return notThePlatform(platformUrl, status)
  const fix = 'Set AGENT_TOKEN to a token that the platform has provisioned'
  return fail('token', `refused by the platform (${status}): unknown, expired or revoked. ${fix}`)
}

function notThePlatform(platformUrl: string, status: number): Finding {
  const [, path] = /[^/](\/api(?:\/v\d+)?)\/*$/.exec(platformUrl.trim()) ?? []
  const fix =
    path === undefined ? "Set PLATFORM_API_URL to the platform's address" : `Remove ${path} from PLATFORM_API_URL`
  return fail('platform', `${platformUrl} is not the platform: ${AGENT_PATHS.data} answered ${status}. ${fix}`)
}

function addressOf(platformUrl: string, path: string): URL {
  return new URL(`${platformUrl.trim().replace(/\/+$/, '')}${path}`)
}

async function checkState(directory: string | undefined): Promise<Finding> {
  if (directory === undefined)
    return warn(
      'state',
      'RCA_STATE_DIR is not set: after a restart the agent does not know what it has already reported. Set it to a directory that outlives restarts',
    )
  try {
    await tryWrite(await nearestExistingFolder(directory))
    return ok('state', `${directory} is writable`)
  } catch (error) {
    const fix = 'Set RCA_STATE_DIR to a directory that this user may write'
    return fail('state', `${directory} is not writable: ${(error as Error).message}. ${fix}`)
  }
}

/** Writes a file in a temporary folder of `folder`. Permissions alone do not show a full or read-only disk. */
async function tryWrite(folder: string): Promise<void> {
  const temporary = await mkdtemp(join(folder, '.rca-doctor-'))
  try {
    await writeFile(join(temporary, 'state'), Buffer.alloc(4096, 'x'))
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

/** Returns the folder or, when it does not exist yet, its nearest parent that exists. */
async function nearestExistingFolder(folder: string): Promise<string> {
  for (let nearest = resolve(folder); ; nearest = dirname(nearest)) {
    try {
      await access(nearest)
      return nearest
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(nearest) === nearest) throw error
    }
  }
}

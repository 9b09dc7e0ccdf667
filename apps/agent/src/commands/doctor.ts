import { access, constants } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { type Agent, createAgent, parseAgentToken, type Registry, silentLogger } from '@rca/core'
import { AGENT_PATHS } from '@rca/core/protocol'
import { type Environment, findMisspelt, readAgentOptions } from '../environment.ts'
import { EXIT_CODES } from '../exit.ts'

/** Result of one check. */
interface Finding {
  readonly level: 'ok' | 'warn' | 'fail'
  readonly subject: string
  /** The result and, unless it is `ok`, the fix. */
  readonly text: string
}

const PLATFORM_TIMEOUT_MS = 10_000

/** Largest difference between this machine's clock and the platform's at which events can still be put in order. */
const MAX_CLOCK_SKEW_MS = 30_000

/**
 * Checks configuration, state, access to what is watched, platform and token, and prints what to fix. Returns the exit
 * code. Warnings alone do not fail: a gap may be intended, such as a permission that the operator did not grant.
 */
export async function doctor(registry: Registry, environment: Environment): Promise<number> {
  const findings: Finding[] = []
  for await (const finding of runChecks(registry, environment)) {
    findings.push(finding)
    process.stdout.write(`${finding.level.padEnd(4)}  ${finding.subject.padEnd(14)}  ${finding.text}\n`)
  }
  const failed = findings.filter((finding) => finding.level === 'fail').length
  const warned = findings.filter((finding) => finding.level === 'warn').length
  process.stdout.write(`\n${conclusion(failed, warned)}\n`)
  return failed === 0 ? EXIT_CODES.ok : EXIT_CODES.unhealthy
}

function conclusion(failed: number, warned: number): string {
  const warnings = `${warned} ${warned === 1 ? 'warning' : 'warnings'}`
  if (failed > 0) return warned === 0 ? `${failed} to fix.` : `${failed} to fix, and ${warnings}.`
  if (warned > 0) return `Nothing failed. ${warnings}: fix those that are not intended.`
  return 'Nothing to fix.'
}

async function* runChecks(registry: Registry, environment: Environment): AsyncGenerator<Finding> {
  for (const problem of registry.problems) yield { level: 'warn', subject: 'connectors', text: problem.message }
  let agent: Agent
  let options: Awaited<ReturnType<typeof readAgentOptions>>
  try {
    options = await readAgentOptions(environment, registry)
    agent = createAgent({ ...options, logger: silentLogger })
  } catch (error) {
    yield { level: 'fail', subject: 'configuration', text: (error as Error).message }
    return
  }
  yield { level: 'ok', subject: 'configuration', text: `valid, for an agent of type \`${agent.agentType}\`` }
  for (const { name, suggestion } of findMisspelt(environment, options.connector))
    yield {
      level: 'warn',
      subject: 'configuration',
      text: `unknown variable ${name} is ignored. Did you mean ${suggestion}?`,
    }
  yield await checkState(options.stateDirectory)
  try {
    yield* checkAccess(agent)
    yield* checkPlatform(options.platformUrl, parseAgentToken(options.agentToken))
  } finally {
    await agent.stop()
  }
}

async function* checkAccess(agent: Agent): AsyncGenerator<Finding> {
  try {
    const { data } = await agent.collectMetrics()
    yield {
      level: 'ok',
      subject: 'access',
      text: `read ${data.entities.length} entities and ${data.metrics.length} metrics`,
    }
    for (const gap of data.gaps) yield { level: 'warn', subject: 'access', text: `${gap.scope}: ${gap.reason}` }
  } catch (error) {
    yield {
      level: 'fail',
      subject: 'access',
      text: `${(error as Error).message}. Check the options of ${agent.agentType}, and the permissions of this user`,
    }
  }
}

async function* checkPlatform(platformUrl: string, agentToken: string): AsyncGenerator<Finding> {
  const sentAt = Date.now()
  try {
    const response = await fetch(addressOf(platformUrl, '/healthz'), {
      signal: AbortSignal.timeout(PLATFORM_TIMEOUT_MS),
    })
    const skew = Date.parse(response.headers.get('date') ?? '') - sentAt
    yield { level: 'ok', subject: 'platform', text: `${platformUrl} responds` }
    if (Math.abs(skew) > MAX_CLOCK_SKEW_MS)
      yield {
        level: 'warn',
        subject: 'clock',
        text: `this machine's clock is ${Math.round(Math.abs(skew) / 1000)} s ${skew < 0 ? 'ahead of' : 'behind'} the platform's. Synchronise it`,
      }
  } catch (error) {
    const { cause } = error as Error
    const reason = cause instanceof Error && cause.message !== '' ? cause.message : (error as Error).message
    yield {
      level: 'fail',
      subject: 'platform',
      text: `${platformUrl} cannot be reached: ${reason}. Check PLATFORM_API_URL, name resolution, firewall and proxy`,
    }
    return
  }
  yield await checkToken(platformUrl, agentToken)
}

/** Sends an empty delivery. The platform refuses it only after it has checked the token: nothing is stored. */
async function checkToken(platformUrl: string, agentToken: string): Promise<Finding> {
  const subject = 'token'
  const response = await fetch(addressOf(platformUrl, AGENT_PATHS.data), {
    method: 'POST',
    headers: { authorization: `Bearer ${agentToken}`, 'content-type': 'application/json' },
    body: '{"reports":[]}',
    signal: AbortSignal.timeout(PLATFORM_TIMEOUT_MS),
  })
  if (response.status === 422) return { level: 'ok', subject, text: 'accepted by the platform' }
  if (response.status === 401 || response.status === 403)
    return {
      level: 'fail',
      subject,
      text: `refused by the platform (${response.status}): unknown, expired or revoked. Set AGENT_TOKEN to a token that the platform has provisioned`,
    }
  return {
    level: 'warn',
    subject,
    text: `not checked: the platform answered ${response.status}. Try again`,
  }
}

function addressOf(platformUrl: string, path: string): URL {
  return new URL(`${platformUrl.trim().replace(/\/+$/, '')}${path}`)
}

async function checkState(directory: string | undefined): Promise<Finding> {
  const subject = 'state'
  if (directory === undefined)
    return {
      level: 'warn',
      subject,
      text: 'RCA_STATE_DIR is not set: after a restart the agent does not know what it has already reported. Set it to a directory that outlives restarts',
    }
  try {
    await access(await nearestExistingFolder(directory), constants.W_OK)
    return { level: 'ok', subject, text: `${directory} is writable` }
  } catch (error) {
    return {
      level: 'fail',
      subject,
      text: `${directory} is not writable: ${(error as Error).message}. Set RCA_STATE_DIR to a directory that this user may write`,
    }
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

import { access, constants } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { type Agent, createAgent, parseAgentToken, type Registry, silentLogger } from '@rca/core'
import { AGENT_PATHS } from '@rca/core/protocol'
import { readAgentOptions } from '../agent-options.ts'
import { type Environment, findMisspelt } from '../environment.ts'
import { EXIT_CODES } from '../exit-codes.ts'

/** How one thing is. */
interface Finding {
  readonly level: 'ok' | 'warn' | 'fail'
  readonly subject: string
  /** What is so and, unless it is fine, what to do. */
  readonly text: string
}

/** How long the platform may take to answer, in milliseconds. */
const PATIENCE = 10_000

/** How far this machine's clock may be from the platform's, in milliseconds, before events are hard to put in order. */
const TOLERATED_SKEW = 30_000

/**
 * Checks configuration, platform, token and access to what is watched, and says what to fix. Returns the exit code: warnings
 * alone do not fail, since a gap may be as its operator wants it, such as a permission that the agent shall not have.
 */
export async function doctor(registry: Registry, environment: Environment): Promise<number> {
  const findings: Finding[] = []
  for await (const finding of examine(registry, environment)) {
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
  if (warned > 0)
    return `Nothing failed, but there ${warned === 1 ? 'is' : 'are'} ${warnings}: fix what is not so on purpose.`
  return 'Nothing to fix.'
}

async function* examine(registry: Registry, environment: Environment): AsyncGenerator<Finding> {
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
  yield { level: 'ok', subject: 'configuration', text: `an agent of type \`${agent.agentType}\`` }
  for (const { name, meant } of findMisspelt(environment, options.connector))
    yield { level: 'warn', subject: 'configuration', text: `${name} is not read. Did you mean ${meant}?` }
  yield await examineState(options.stateDirectory)
  try {
    yield* examineAccess(agent)
    yield* examinePlatform(options.platformUrl, parseAgentToken(options.agentToken))
  } finally {
    await agent.stop()
  }
}

async function* examineAccess(agent: Agent): AsyncGenerator<Finding> {
  try {
    const { data } = await agent.collectMetrics()
    yield {
      level: 'ok',
      subject: 'access',
      text: `${data.entities.length} entities and ${data.metrics.length} metrics were read`,
    }
    for (const gap of data.gaps) yield { level: 'warn', subject: 'access', text: `${gap.scope}: ${gap.reason}` }
  } catch (error) {
    yield {
      level: 'fail',
      subject: 'access',
      text: `${(error as Error).message}. Check what ${agent.agentType} needs: its options, and the rights of this user`,
    }
  }
}

async function* examinePlatform(platformUrl: string, agentToken: string): AsyncGenerator<Finding> {
  const sentAt = Date.now()
  try {
    const response = await fetch(addressOf(platformUrl, '/healthz'), { signal: AbortSignal.timeout(PATIENCE) })
    const skew = Date.parse(response.headers.get('date') ?? '') - sentAt
    yield { level: 'ok', subject: 'platform', text: `${platformUrl} answers` }
    if (Math.abs(skew) > TOLERATED_SKEW)
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
  yield await examineToken(platformUrl, agentToken)
}

/** Delivers no report, which the platform refuses only after it has looked at the token: nothing is written there, and no agent appears. */
async function examineToken(platformUrl: string, agentToken: string): Promise<Finding> {
  const subject = 'token'
  const response = await fetch(addressOf(platformUrl, AGENT_PATHS.data), {
    method: 'POST',
    headers: { authorization: `Bearer ${agentToken}`, 'content-type': 'application/json' },
    body: '{"reports":[]}',
    signal: AbortSignal.timeout(PATIENCE),
  })
  if (response.status === 422) return { level: 'ok', subject, text: 'the platform accepts it' }
  if (response.status === 401 || response.status === 403)
    return {
      level: 'fail',
      subject,
      text: `the platform refuses it (${response.status}): it is unknown, expired or revoked. Set AGENT_TOKEN to a token that the platform has provisioned`,
    }
  return {
    level: 'warn',
    subject,
    text: `the platform answered ${response.status}, which tells nothing of the token. Try again`,
  }
}

function addressOf(platformUrl: string, path: string): URL {
  return new URL(`${platformUrl.trim().replace(/\/+$/, '')}${path}`)
}

async function examineState(directory: string | undefined): Promise<Finding> {
  const subject = 'state'
  if (directory === undefined)
    return {
      level: 'warn',
      subject,
      text: 'RCA_STATE_DIR is not set: a restarted agent does not know what it has already reported. Set it to a directory that outlives restarts',
    }
  try {
    await access(await nearestFolder(directory), constants.W_OK)
    return { level: 'ok', subject, text: `${directory} can be written` }
  } catch (error) {
    return {
      level: 'fail',
      subject,
      text: `${directory} cannot be written: ${(error as Error).message}. Set RCA_STATE_DIR to a directory that this user may write`,
    }
  }
}

/** The folder itself or, where it does not exist yet, the one in which it would be made. */
async function nearestFolder(folder: string): Promise<string> {
  for (let nearest = resolve(folder); ; nearest = dirname(nearest)) {
    try {
      await access(nearest)
      return nearest
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(nearest) === nearest) throw error
    }
  }
}

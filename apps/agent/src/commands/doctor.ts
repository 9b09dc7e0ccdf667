import { access, constants, mkdir } from 'node:fs/promises'
import { type Agent, createAgent, type Logger, type Registry } from '@rca/core'
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

/** How far this machine's clock may be from the platform's, in milliseconds, before events are hard to put in order. */
const TOLERATED_SKEW = 30_000

/** Checks configuration, platform, token and access to what is watched, and says what to fix. Returns the exit code. */
export async function doctor(registry: Registry, environment: Environment): Promise<number> {
  const findings: Finding[] = []
  for await (const finding of examine(registry, environment)) {
    findings.push(finding)
    process.stdout.write(`${finding.level.padEnd(4)}  ${finding.subject.padEnd(14)}  ${finding.text}\n`)
  }
  const failed = findings.filter((finding) => finding.level === 'fail').length
  process.stdout.write(failed === 0 ? '\nNothing to fix.\n' : `\n${failed} to fix.\n`)
  return failed === 0 ? EXIT_CODES.ok : EXIT_CODES.unhealthy
}

async function* examine(registry: Registry, environment: Environment): AsyncGenerator<Finding> {
  for (const problem of registry.problems) yield { level: 'warn', subject: 'connectors', text: problem.message }
  const messages: string[] = []
  let agent: Agent
  let options: Awaited<ReturnType<typeof readAgentOptions>>
  try {
    options = await readAgentOptions(environment, registry)
    agent = createAgent({ ...options, logger: loggerInto(messages) })
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
    yield* examinePlatform(agent, options.platformUrl, messages)
  } finally {
    await agent.stop()
  }
}

/** Keeps what people should know. */
function loggerInto(messages: string[]): Logger {
  const keep: Logger['warn'] = (_fields, message) => void messages.push(message)
  return { debug: () => undefined, info: () => undefined, warn: keep, error: keep }
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
    yield { level: 'fail', subject: 'access', text: (error as Error).message }
  }
}

async function* examinePlatform(agent: Agent, platformUrl: string, messages: string[]): AsyncGenerator<Finding> {
  const sentAt = Date.now()
  try {
    const response = await fetch(new URL('healthz', `${platformUrl.replace(/\/+$/, '')}/`), {
      signal: AbortSignal.timeout(10_000),
    })
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
  messages.length = 0
  if (await agent.heartbeat()) yield { level: 'ok', subject: 'token', text: 'the platform accepts it' }
  else yield { level: 'fail', subject: 'token', text: messages.at(-1) ?? 'the platform did not accept a heartbeat' }
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
    await mkdir(directory, { recursive: true })
    await access(directory, constants.W_OK)
    return { level: 'ok', subject, text: `${directory} can be written` }
  } catch (error) {
    return {
      level: 'fail',
      subject,
      text: `${directory} cannot be written: ${(error as Error).message}. Set RCA_STATE_DIR to a directory that this user may write`,
    }
  }
}

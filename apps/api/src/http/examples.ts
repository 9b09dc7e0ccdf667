import { STATUS_CODES } from 'node:http'
import type { OpenApiDocument } from './tidy-components.ts'

const agent = {
  agent_id: '8c5f2b0e-3d1a-5c47-9b62-0f4f7a1d9e33',
  agent_type: 'server',
  agent_version: '1.0.0',
}
const host = { type: 'host', id: '4f1c2d9ab3e84c0f9d7a5b6e8c1f2a3d' }
const filesystem = { type: 'filesystem', id: '/var' }
const mounted = { 'system.filesystem.mountpoint': '/var' }
const token = 'agent_prod-cluster-1_kV7pZ0cX3mQ9sT1wYb5nR8uJ2hL6fD4gAeK0iOoPqMx'

const deploymentCommand = `curl -fsSL https://install.example.com/agent.sh | bash -s -- \\\n  --platform-url https://rca.example.com \\\n  --agent-token ${token} \\\n  --agent-type server \\\n  --set log_level=info`
const verifyCommand = 'systemctl status --no-pager rca-agent'
const uninstallCommand = 'curl -fsSL https://install.example.com/agent.sh | bash -s -- --uninstall'

/** Bodies as they travel, by the name of their schema. */
const BODIES: Readonly<Record<string, unknown>> = {
  ProvisionRequest: {
    agent_type: 'server',
    environment_name: 'prod-cluster-1',
    config: { log_level: 'info' },
  },
  ProvisionResponse: {
    agent_type: 'server',
    environment_name: 'prod-cluster-1',
    agent_token: token,
    deployment_command: deploymentCommand,
    uninstall_command: uninstallCommand,
    verify_command: verifyCommand,
    instructions: `1. Ensure that you are root on a Linux server that has curl and bash (\`sudo -i\` makes you root).\n2. Run: ${deploymentCommand}\n3. Verify that the agent runs: ${verifyCommand}\nTo remove the agent, run: ${uninstallCommand}`,
  },
  DataRequest: {
    reports: [
      {
        report_id: '019ab3f2-6c00-7d41-8e52-9a7c3b1d5f60',
        ...agent,
        sequence: 0,
        timestamp: '2026-11-22T12:00:00Z',
        snapshot: true,
        data: {
          entities: [
            { ...host, name: 'web-1', attributes: { 'host.name': 'web-1', 'os.type': 'linux' }, relations: [] },
            {
              ...filesystem,
              name: '/var',
              attributes: { ...mounted, 'system.filesystem.type': 'ext4', 'system.filesystem.mode': 'ro' },
              relations: [{ type: 'part_of', target: host }],
            },
          ],
          metrics: [
            {
              name: 'system.filesystem.utilization',
              value: 0.97,
              unit: '1',
              kind: 'gauge',
              entity: filesystem,
              attributes: mounted,
            },
          ],
          events: [
            {
              name: 'filesystem.read_only',
              at: '2026-11-22T11:59:57Z',
              severity: 'critical',
              entity: filesystem,
              body: '/var has become read-only.',
              attributes: mounted,
            },
          ],
          gaps: [
            {
              scope: 'collector:systemd-units',
              reason: 'systemctl was not found',
              since: '2026-11-22T11:58:40Z',
            },
          ],
        },
      },
    ],
  },
  DataResponse: { accepted: 1, duplicates: 0 },
  HeartbeatRequest: {
    ...agent,
    agent_name: 'web-1',
    started_at: '2026-11-22T11:58:40Z',
    sequence: 3,
    collectors: {
      filesystems: { ok: true, duration_ms: 4.2 },
      'systemd-units': { ok: false, duration_ms: 1.1, error: 'systemctl was not found' },
    },
    outbox: { reports: 0, bytes: 0, dropped: 0 },
  },
  HeartbeatResponse: { interval_seconds: 30, server_time: '2026-11-22T12:00:00.000Z' },
}

/** What is wrong, and where, by the status of the answer. */
const PROBLEMS: Readonly<Record<string, { readonly detail: string; readonly pointer?: string }>> = {
  400: { detail: 'The body is not valid JSON: line 2, column 15 (position 16) is unexpected.' },
  401: { detail: 'Send `Authorization: Bearer <admin token>`.' },
  403: { detail: 'This token is for agents of type `server`.', pointer: '#/reports/0/agent_type' },
  404: { detail: 'There is no environment `prod-cluster-1`. Provision an agent for it first.' },
  408: { detail: 'The body did not arrive in time. Send it again.' },
  409: {
    detail:
      'This agent id is known in several environments: `prod` (server), `test` (server). Say which with `?environment=`.',
  },
  413: { detail: 'The body is larger than 8388608 bytes (sent). Send a smaller one.' },
  415: { detail: 'Only JSON is understood: send `Content-Type: application/json`.' },
  422: { detail: 'It is missing: a string is expected.', pointer: '#/environment_name' },
  429: { detail: 'More than 6000 requests in a minute. Try again in 12 s.' },
  500: { detail: 'Something went wrong here. It is in the log of the platform.' },
  503: { detail: 'The platform is taking as many requests as it can. Try again later.' },
}

interface Media {
  readonly schema?: { readonly $ref?: string }
  example?: unknown
}

interface Answered {
  readonly content?: Readonly<Record<string, Media>>
}

interface Operation {
  readonly requestBody?: Answered
  readonly responses?: Readonly<Record<string, Answered>>
}

/** Adds an example to the bodies that people send and read most, and to every problem. */
export function addExamples(document: OpenApiDocument): OpenApiDocument {
  const { paths = {} } = document as { paths?: Readonly<Record<string, Readonly<Record<string, Operation>>>> }
  for (const { requestBody, responses = {} } of Object.values(paths).flatMap((path) => Object.values(path))) {
    addTo(requestBody)
    for (const [status, answer] of Object.entries(responses)) addTo(answer, status)
  }
  return document
}

function addTo(answered: Answered | undefined, status?: string): void {
  for (const media of Object.values(answered?.content ?? {})) {
    const name = media.schema?.$ref?.split('/').at(-1) ?? ''
    const example = name === 'Problem' ? problemOf(status ?? '') : BODIES[name]
    if (example !== undefined) media.example = example
  }
}

function problemOf(status: string): unknown {
  const { detail, pointer } = PROBLEMS[status] ?? {}
  if (detail === undefined) return undefined
  return {
    type: 'about:blank',
    title: STATUS_CODES[status],
    status: Number(status),
    detail: pointer === undefined ? detail : `${pointer}: ${detail}`,
    ...(pointer === undefined ? {} : { errors: [{ pointer, detail }] }),
  }
}

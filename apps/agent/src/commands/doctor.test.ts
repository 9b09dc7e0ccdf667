import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { captureOutput, hostRegistry, startFakePlatform, temporaryDirectory } from '../../test/fakes.ts'
import { EXIT_CODES } from '../exit.ts'
import { doctor } from './doctor.ts'

/** The platform refuses an empty delivery with 422 when the token is valid. */
const TOKEN_ACCEPTED = 422

async function diagnose(
  options: {
    gaps?: number
    tokenStatus?: number
    access?: { status: number; body: object }
    clockOffsetMs?: number
    environment?: Record<string, string>
  } = {},
  registry = hostRegistry({
    gaps: Array.from({ length: options.gaps ?? 0 }, (_, index) => ({
      scope: `disk:${index}`,
      reason: 'permission denied',
    })),
  }),
): Promise<{ readonly code: number; readonly text: string }> {
  const { tokenStatus: status = TOKEN_ACCEPTED, clockOffsetMs = 0, environment, access } = options
  const platform = await startFakePlatform({ status, clockOffsetMs, access })
  const output = captureOutput()
  const code = await doctor(registry, {
    PLATFORM_API_URL: platform.url,
    AGENT_TOKEN: 'agent_shop',
    AGENT_TYPE: 'hosts',
    RCA_STATE_DIR: temporaryDirectory(),
    ...environment,
  })
  expect(
    output
      .stdout()
      .split('\n')
      .filter((line) => line.length > 100 && line.trim().includes(' ')),
  ).toEqual([])
  return { code, text: unwrap(output.stdout()) }
}

/** Joins the lines of each finding. */
function unwrap(text: string): string {
  return text.replaceAll(/\n {22}/g, ' ')
}

describe('doctor', () => {
  test('lists what it checked when nothing is wrong', async () => {
    const { code, text } = await diagnose()
    expect(code).toBe(EXIT_CODES.ok)
    expect(text.split('\n').map((line) => line.split(/ {2,}/).slice(0, 2))).toEqual([
      ...['configuration', 'state', 'access', 'platform', 'token'].map((subject) => ['ok', subject]),
      [''],
      ['Nothing to fix.'],
      [''],
    ])
    expect(text).toMatch(/read \d+ entities and \d+ metrics/)
  })

  test('names the package of the connector', async () => {
    const origin = () => ({ package: '@acme/rca-hosts', version: '1.2.3' })
    const { text } = await diagnose({}, { ...hostRegistry(), origin })
    expect(text).toContain('valid, for an agent of type `hosts`, with @acme/rca-hosts@1.2.3\n')
  })

  test.each([
    [0, TOKEN_ACCEPTED, EXIT_CODES.ok, 'Nothing to fix.'],
    [1, TOKEN_ACCEPTED, EXIT_CODES.ok, 'Nothing failed. 1 warning: fix those that are not intended.'],
    [2, TOKEN_ACCEPTED, EXIT_CODES.ok, 'Nothing failed. 2 warnings: fix those that are not intended.'],
    [0, 401, EXIT_CODES.unhealthy, '1 to fix.'],
    [2, 401, EXIT_CODES.unhealthy, '1 to fix, and 2 warnings.'],
  ])('with %i gaps and status %i for the token exits with %i: %s', async (gaps, tokenStatus, code, conclusion) => {
    const result = await diagnose({ gaps, tokenStatus })
    expect(result.text.match(/^warn {2}access .*permission denied$/gm) ?? []).toHaveLength(gaps)
    expect(result.code).toBe(code)
    expect(result.text.endsWith(`\n\n${conclusion}\n`)).toBe(true)
  })

  test('warns of a proxy that is not used', async () => {
    const { text } = await diagnose({ environment: { HTTPS_PROXY: 'http://user:secret@proxy:3128' } })
    expect(text).toMatch(/^warn {2}proxy .*HTTPS_PROXY is not used: an agent of type `hosts`/m)
    expect(text).not.toContain('secret')
  })

  test.each([
    ['AGENT_TYPE', { AGENT_TYPE: 'host' }, /^fail {2}configuration .*Did you mean `hosts`\?/m],
    ['a wrong option', { SCAN_DEPTH: 'deep' }, /^fail {2}configuration .*`scan_depth`/m],
    ['a state directory', { RCA_STATE_DIR: '/dev/null/state' }, /^fail {2}state .*\/dev\/null\/state is not writable/m],
    ['an address', { PLATFORM_API_URL: 'http://127.0.0.1:9' }, /^fail {2}platform .*cannot be reached: .*firewall/m],
  ])('fails on %s that cannot be used, and names the fix', async (_name, environment, message) => {
    const { code, text } = await diagnose({ environment })
    expect(text).toMatch(message)
    expect(code).toBe(EXIT_CODES.unhealthy)
  })

  test.each([
    [
      'a path of the API',
      '/api/v1',
      404,
      /is not the platform: .*answered 404\. Remove \/api\/v1 from PLATFORM_API_URL/,
    ],
    ['another path', '/shop', 404, /is not the platform: .*answered 404\. Set PLATFORM_API_URL to/],
    ['a web server that answers everything', '', 200, /is not the platform: .*answered 200\. Set PLATFORM_API_URL to/],
    ['a web server that only reads', '', 405, /is not the platform: .*answered 405/],
  ])('fails on the address of %s', async (_name, path, status, message) => {
    const other = await startFakePlatform({ status, body: { page: 'shop' }, access: { status: 404, body: {} } })
    const { code, text } = await diagnose({ environment: { PLATFORM_API_URL: `${other.url}${path}` } })
    expect(text).toMatch(message)
    expect(text).not.toMatch(/^ok {4}(?:platform|token)/m)
    expect(code).toBe(EXIT_CODES.unhealthy)
  })

  test('tries to write the state, and leaves nothing behind', async () => {
    const folder = temporaryDirectory()
    const file = join(folder, 'file')
    writeFileSync(file, '')
    const { code, text } = await diagnose({ environment: { RCA_STATE_DIR: file } })
    expect(text).toMatch(/^fail {2}state .*file is not writable: ENOTDIR/m)
    expect(code).toBe(EXIT_CODES.unhealthy)
    await diagnose({ environment: { RCA_STATE_DIR: join(folder, 'later/state') } })
    expect(readdirSync(folder, { recursive: true }).filter((name) => String(name).includes('doctor'))).toEqual([])
  })

  const accepted = { status: 200, body: {} }
  const problem = { type: 'about:blank', title: 'Unauthorized', status: 401, detail: 'This agent was revoked.' }

  test.each([
    [
      'enrolled',
      { access: { status: 200, body: { key_expires_at: '2026-12-22T12:00:00.000Z' } } },
      /^ok {4}token .*enrolled: .* valid until 2026-12-22/m,
    ],
    ['not enrolled yet', { access: accepted }, /^ok {4}token .*Not enrolled: the agent enrols when it starts$/m],
    [
      'without a state',
      { access: accepted, environment: { RCA_STATE_DIR: '' } },
      /^ok {4}token .*Not enrolled: without RCA_STATE_DIR/m,
    ],
    [
      'refused',
      { access: { status: 401, body: problem } },
      /^fail {2}token .*refused .*This agent was revoked\. Set AGENT_TOKEN/m,
    ],
  ])('says that the agent is %s', async (_name, options, message) => {
    expect((await diagnose(options)).text).toMatch(message)
  })

  test('prints the findings as JSON', async () => {
    const output = captureOutput()
    const code = await doctor(hostRegistry(), { AGENT_TYPE: 'hosts' }, { json: true })
    expect(code).toBe(EXIT_CODES.unhealthy)
    expect(JSON.parse(output.stdout())).toEqual({
      findings: [
        { level: 'fail', subject: 'configuration', text: expect.stringContaining('PLATFORM_API_URL is not set') },
        { level: 'fail', subject: 'configuration', text: expect.stringContaining('AGENT_TOKEN is not set') },
      ],
      conclusion: '2 to fix.',
    })
  })

  test('fails when nothing can be read, with the reason', async () => {
    const registry = hostRegistry({ connect: () => Promise.reject(new Error('the socket does not exist')) })
    const { code, text } = await diagnose({}, registry)
    expect(text).toMatch(/^fail {2}access .*the socket does not exist.*options of hosts/m)
    expect(code).toBe(EXIT_CODES.unhealthy)
  })

  test.each([
    ['a missing state directory', { environment: { RCA_STATE_DIR: '' } }, /^warn {2}state .*RCA_STATE_DIR is not set/m],
    ['a misspelt variable', { environment: { SCAN_DEPT: '2' } }, /^warn {2}configuration .*Did you mean SCAN_DEPTH\?/m],
    ['a short secret', { environment: { PASSWORD: 'root' } }, /^warn {2}configuration .*secret has less than 8 char/m],
    ['a secret that is a word', { environment: { PASSWORD: 'postgres' } }, /^warn {2}configuration .*or is a\s+word/m],
    ['a clock that is ahead', { clockOffsetMs: -90_000 }, /^warn {2}clock .*(89|90|91) s ahead of/m],
    ['a clock that is behind', { clockOffsetMs: 90_000 }, /^warn {2}clock .*(89|90|91) s behind/m],
    ['a token that was not checked', { tokenStatus: 503 }, /^warn {2}token .*answered 503\. Try again/m],
  ])('warns of %s', async (_name, options, message) => {
    const { code, text } = await diagnose(options)
    expect(text).toMatch(message)
    expect(code).toBe(EXIT_CODES.ok)
  })
})

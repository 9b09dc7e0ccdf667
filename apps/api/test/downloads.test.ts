import { readFileSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import { makeArtifacts, sha256, signSums } from './artifacts.ts'
import { startApi } from './kit.ts'

const ARCHIVE = 'rca-agent-1.2.0-linux-x64.tar.gz'
const URL = `/downloads/${ARCHIVE}`

async function startWithArtifacts() {
  const artifacts = makeArtifacts()
  const api = await startApi({ artifactsFolder: artifacts.folder })
  const get = (url: string, headers: Record<string, string> = {}) => api.app.inject({ url, headers })
  return { ...artifacts, api, get, content: artifacts.archives[ARCHIVE] ?? Buffer.alloc(0) }
}

describe('downloads', () => {
  test.each([
    [ARCHIVE, 'application/gzip'],
    ['rca-agent-1.2.0-win-x64.zip', 'application/zip'],
    ['release.json', 'application/json'],
    ['SHA256SUMS', 'text/plain; charset=utf-8'],
    ['SHA256SUMS.minisig', 'text/plain; charset=utf-8'],
    ['rca-agent.pub', 'text/plain; charset=utf-8'],
  ])('serve %s without a token', async (name, type) => {
    const { folder, get } = await startWithArtifacts()
    const content = readFileSync(join(folder, name))
    const response = await get(`/downloads/${name}`)
    expect([response.statusCode, response.rawPayload]).toEqual([200, content])
    expect(response.headers).toMatchObject({
      'content-type': type,
      'content-length': String(content.length),
      etag: `"${sha256(content)}"`,
      'accept-ranges': 'bytes',
      'cache-control': 'no-cache',
    })
  })

  test('answer HEAD with the headers of GET', async () => {
    const { api, content } = await startWithArtifacts()
    const response = await api.app.inject({ method: 'HEAD', url: URL })
    expect([response.statusCode, response.body]).toEqual([200, ''])
    expect(response.headers).toMatchObject({
      'content-type': 'application/gzip',
      'content-length': String(content.length),
      etag: `"${sha256(content)}"`,
    })
  })

  test('answer 304 to a client that has the file', async () => {
    const { get, content } = await startWithArtifacts()
    for (const tag of [`"${sha256(content)}"`, `"other", W/"${sha256(content)}"`, '*']) {
      const response = await get(URL, { 'if-none-match': tag })
      expect([response.statusCode, response.body, response.headers.etag]).toEqual([304, '', `"${sha256(content)}"`])
    }
    expect((await get(URL, { 'if-none-match': '"other"' })).statusCode).toBe(200)
  })

  test.each([
    ['bytes=8-', 8, undefined],
    ['bytes=0-0', 0, 1],
    ['bytes=4-9', 4, 10],
    ['bytes=-5', -5, undefined],
    ['bytes=4-999', 4, undefined],
  ])('answer the range %s', async (range, start, end) => {
    const { get, content } = await startWithArtifacts()
    const part = content.subarray(start, end)
    const first = start < 0 ? content.length + start : start
    const response = await get(URL, { range })
    expect([response.statusCode, response.body]).toEqual([206, part.toString()])
    expect(response.headers).toMatchObject({
      'content-length': String(part.length),
      'content-range': `bytes ${first}-${first + part.length - 1}/${content.length}`,
    })
  })

  test('answer 416 to a range beyond the end', async () => {
    const { get, content } = await startWithArtifacts()
    const response = await get(URL, { range: 'bytes=999-' })
    expect([response.statusCode, response.headers['content-range'], response.headers['content-type']]).toEqual([
      416,
      `bytes */${content.length}`,
      'application/problem+json',
    ])
  })

  test('answer the whole file to several ranges, another unit, and a range of another version', async () => {
    const { get, content } = await startWithArtifacts()
    const current = `"${sha256(content)}"`
    const requests: Record<string, string>[] = [
      { range: 'bytes=0-1,4-5' },
      { range: 'lines=0-1' },
      { range: 'bytes=a-b' },
      { range: 'bytes=8-', 'if-range': '"other"' },
      { range: 'bytes=8-', 'if-range': `W/${current}` },
      { range: 'bytes=8-', 'if-range': 'Mon, 30 Nov 2026 00:00:00 GMT' },
    ]
    for (const headers of requests) {
      const response = await get(URL, headers)
      expect([response.statusCode, response.rawPayload]).toEqual([200, content])
    }
    expect((await get(URL, { range: 'bytes=8-', 'if-range': current })).statusCode).toBe(206)
  })

  test('know only files of the list', async () => {
    const { get, write, folder } = await startWithArtifacts()
    write('notes.txt', 'private')
    for (const name of ['notes.txt', 'rca-agent-9.9.9-linux-x64.tar.gz', '..%2F..%2Fetc%2Fpasswd', '.', 'sha256sums']) {
      const response = await get(`/downloads/${name}`)
      expect([name, response.statusCode, response.json().detail]).toEqual([
        name,
        404,
        expect.stringContaining('`/downloads/SHA256SUMS` lists the files'),
      ])
    }
    unlinkSync(join(folder, ARCHIVE))
    expect((await get(URL)).json()).toMatchObject({ status: 404, detail: expect.stringContaining('was removed') })
  })
})

describe('a folder without archives', () => {
  test.each([URL, '/downloads/SHA256SUMS', '/install/agent.sh'])(
    'is a 404 of %s that says how to build them',
    async (url) => {
      const api = await startApi({ artifactsFolder: '/nowhere/else' })
      const response = await api.app.inject(url)
      expect([response.statusCode, response.headers['content-type']]).toEqual([404, 'application/problem+json'])
      expect(response.json().detail).toMatch(/`npm run artifacts`.*`RCA_ARTIFACTS_DIR`/)
      expect(response.body).not.toContain('/nowhere')
    },
  )

  test('serves archives as soon as they exist', async () => {
    const artifacts = makeArtifacts()
    const sums = readFileSync(join(artifacts.folder, 'SHA256SUMS'))
    unlinkSync(join(artifacts.folder, 'SHA256SUMS'))
    const api = await startApi({ artifactsFolder: artifacts.folder })
    expect((await api.app.inject(URL)).statusCode).toBe(404)
    artifacts.write('SHA256SUMS', sums)
    expect((await api.app.inject(URL)).statusCode).toBe(200)
  })
})

describe('a folder whose signature does not match', () => {
  test.each<[string, (artifacts: ReturnType<typeof makeArtifacts>) => void, string]>([
    [
      'a changed list',
      ({ write }) => write('SHA256SUMS', `${'0'.repeat(64)}  ${ARCHIVE}\n`),
      '`SHA256SUMS.minisig` does not match',
    ],
    [
      'a key of another signer',
      ({ write }) => write('rca-agent.pub', readFileSync(join(makeArtifacts().folder, 'rca-agent.pub'))),
      '`SHA256SUMS.minisig` was made with another key',
    ],
    [
      'a changed comment',
      ({ write, folder }) =>
        write('SHA256SUMS.minisig', readFileSync(join(folder, 'SHA256SUMS.minisig'), 'utf8').replace('file:', 'File:')),
      '`SHA256SUMS.minisig` does not match its trusted comment',
    ],
    [
      'a signature of another format',
      ({ write }) => write('SHA256SUMS.minisig', 'untrusted comment: x\nRUQ=\n'),
      '`SHA256SUMS.minisig` must be a minisign signature',
    ],
    [
      'a key of another format',
      ({ write }) => write('rca-agent.pub', 'ssh-ed25519 AAAA\n'),
      '`rca-agent.pub` must be a minisign public key',
    ],
    ['no key', ({ folder }) => unlinkSync(join(folder, 'rca-agent.pub')), '`rca-agent.pub` cannot be read'],
    [
      'a list with a path',
      ({ write }) => signSums(write, Buffer.from(`${'0'.repeat(64)}  ../secret\n`)),
      '`SHA256SUMS` must be the output of `sha256sum`',
    ],
    [
      'a changed release',
      ({ write }) => write('release.json', '{"version":"9.9.9","files":{}}'),
      '`release.json` differs from SHA256SUMS',
    ],
    [
      'a release without a version',
      ({ write }) => {
        write('release.json', '{"files":{}}')
        signSums(write, Buffer.from(`${sha256('{"files":{}}')}  release.json\n`))
      },
      '`release.json` ',
    ],
  ])('serves nothing: %s', async (_name, damage, detail) => {
    const artifacts = makeArtifacts()
    damage(artifacts)
    const lines: string[] = []
    const log = pino({ level: 'error' }, { write: (line: string) => lines.push(line) })
    const api = await startApi({ artifactsFolder: artifacts.folder, log })
    for (const url of [URL, '/downloads/rca-agent.pub', '/install/agent.sh']) {
      const response = await api.app.inject(url)
      expect([response.statusCode, response.headers['retry-after']]).toEqual([503, expect.stringMatching(/^[34]\d$/)])
      expect(response.json().detail).toContain(detail)
      expect(response.json().detail).toContain('`npm run artifacts`')
      expect(response.body).not.toContain(artifacts.folder)
    }
    const logged = lines.map((line) => JSON.parse(line) as { msg: string; reason?: string; err?: { message: string } })
    expect(logged.map(({ msg }) => msg)).toEqual(['agent archives are broken', ...Array(3).fill('request failed')])
    for (const { reason, err } of logged) expect(reason ?? err?.message).toContain(detail)
  })
})

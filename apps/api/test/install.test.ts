import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { INSTALLERS } from '../src/install/render-installer.ts'
import { makeArtifacts, sha256 } from './artifacts.ts'
import { startApi } from './kit.ts'

/** Makes a package of the agent with these installers. */
function agentFolderWith(installers: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'rca-agent-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'install'))
  for (const [name, text] of Object.entries(installers)) writeFileSync(join(folder, 'install', name), text)
  return folder
}

const TEMPLATE = 'a=@PLATFORM_URL@\nb=@VERSION@\nc=@SUMS_SHA256@\nd=@PUBLIC_KEY@\n'

describe('installers', () => {
  test.each(['agent.sh', 'agent.ps1'])('%s is rendered for this platform', async (name) => {
    const { folder, publicKey } = makeArtifacts('1.2.0-rc.1')
    const agentFolder = agentFolderWith({ [name]: TEMPLATE })
    const api = await startApi({ artifactsFolder: folder, agentFolder, publicUrl: "https://rca.example.com/it's/" })
    const sums = (await api.app.inject('/downloads/SHA256SUMS')).rawPayload
    const response = await api.app.inject(`/install/${name}`)
    const url = name === 'agent.sh' ? String.raw`'https://rca.example.com/it'\''s'` : `'https://rca.example.com/it''s'`
    expect([response.statusCode, response.body]).toEqual([
      200,
      `a=${url}\nb='1.2.0-rc.1'\nc='${sha256(sums)}'\nd='${publicKey}'\n`,
    ])
    expect(response.headers).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'content-length': String(response.rawPayload.length),
      etag: `"${sha256(response.rawPayload)}"`,
      'cache-control': 'no-cache',
    })
  })

  test.each(INSTALLERS)('%s of the agent’s package has only known placeholders', async (name) => {
    const api = await startApi({ artifactsFolder: makeArtifacts().folder })
    const response = await api.app.inject(`/install/${name}`)
    expect([response.statusCode, response.body.match(/@[A-Z][A-Z0-9_]*@/)]).toEqual([200, null])
    expect(response.body).toContain("'https://rca.example.com")
    expect(response.body).toContain("'1.2.0'")
  })

  test('agent.rb contains the address and the checksum of its archive', async () => {
    const { folder, archives } = makeArtifacts()
    const agentFolder = agentFolderWith({ 'agent.rb': 'url @ARCHIVE_URL@\nsha256 @ARCHIVE_SHA256@\n' })
    const api = await startApi({ artifactsFolder: folder, agentFolder })
    const name = 'rca-agent-1.2.0-darwin-arm64.tar.xz'
    expect((await api.app.inject('/install/agent.rb')).body).toBe(
      `url 'https://rca.example.com/downloads/${name}'\nsha256 '${sha256(archives[name] ?? '')}'\n`,
    )
  })

  test('agent.rb needs an archive for macOS', async () => {
    const { folder } = makeArtifacts('1.2.0', ['linux-x64'])
    const api = await startApi({
      artifactsFolder: folder,
      agentFolder: agentFolderWith({ 'agent.rb': 'url @ARCHIVE_URL@' }),
    })
    const response = await api.app.inject('/install/agent.rb')
    expect([response.statusCode, response.json().detail]).toEqual([
      404,
      'This platform has no archive for darwin-arm64. Run `npm run artifacts` in its repository, without `--platform`.',
    ])
  })

  test('answer 304, HEAD and ranges, like downloads', async () => {
    const { folder } = makeArtifacts()
    const agentFolder = agentFolderWith({ 'agent.sh': 'é=@VERSION@' })
    const api = await startApi({ artifactsFolder: folder, agentFolder })
    const inject = (headers: Record<string, string>, method: 'GET' | 'HEAD' = 'GET') =>
      api.app.inject({ method, url: '/install/agent.sh', headers })
    const { etag } = (await inject({})).headers
    expect(await inject({ 'if-none-match': String(etag) })).toMatchObject({ statusCode: 304, body: '' })
    const head = await inject({}, 'HEAD')
    expect([head.statusCode, head.body, head.headers['content-length'], head.headers.etag]).toEqual([
      200,
      '',
      '10',
      etag,
    ])
    const part = await inject({ range: 'bytes=3-5' })
    expect([part.statusCode, part.body, part.headers['content-range']]).toEqual([206, "'1.", 'bytes 3-5/10'])
  })

  test('change their tag with the address and the version', async () => {
    const agentFolder = agentFolderWith({ 'agent.sh': TEMPLATE })
    const tagOf = async (artifactsFolder: string, publicUrl: string) => {
      const api = await startApi({ artifactsFolder, agentFolder, publicUrl })
      return (await api.app.inject('/install/agent.sh')).headers.etag
    }
    const [first, second] = [makeArtifacts().folder, makeArtifacts('1.3.0').folder]
    const tags = await Promise.all([
      tagOf(first, 'https://a.example.com'),
      tagOf(first, 'https://b.example.com'),
      tagOf(second, 'https://a.example.com'),
    ])
    expect(new Set(tags).size).toBe(3)
  })

  test('with a placeholder that has no value are an internal error', async () => {
    const { folder } = makeArtifacts()
    const agentFolder = agentFolderWith({ 'agent.sh': 'a=@PLATFROM_URL@' })
    const api = await startApi({ artifactsFolder: folder, agentFolder })
    expect((await api.app.inject('/install/agent.sh')).statusCode).toBe(500)
  })

  test('are a 404 when the agent’s package is in another folder, or for another name', async () => {
    const { folder } = makeArtifacts()
    const api = await startApi({ artifactsFolder: folder, agentFolder: '/nowhere' })
    const missing = await api.app.inject('/install/agent.sh')
    expect([missing.statusCode, missing.json().detail]).toEqual([404, expect.stringContaining('`RCA_AGENT_FOLDER`')])
    const unknown = await api.app.inject('/install/agent.bat')
    expect([unknown.statusCode, unknown.json().detail]).toEqual([
      404,
      expect.stringContaining('agent.sh, agent.ps1, agent.rb'),
    ])
  })
})

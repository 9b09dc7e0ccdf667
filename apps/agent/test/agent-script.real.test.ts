import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { makeSelfSignedCertificate } from '@rca/rig'
import { realDescribe } from '@rca/rig/real'
import { describe, expect, onTestFinished, test } from 'vitest'
import { SERVICE_EXIT_CODES } from '../src/service/service-error.ts'
import { type FakeArchives, makeArchives, runScript, type ScriptResult, TEMPLATE } from './fake-archives.ts'
import { temporaryDirectory } from './fakes.ts'

const SHELLS = ['bash', 'dash', 'busybox ash']
const OPTIONS = ['--agent-token', 'a-token', '--agent-type', 'server']

/** Serves files below `/downloads`. `answer` may answer a request itself. */
async function serve(
  { files }: Pick<FakeArchives, 'files'>,
  answer: (...parameters: Parameters<RequestListener>) => boolean = () => false,
  tls?: { cert: string; key: string },
): Promise<{ url: string; requests: string[] }> {
  const requests: string[] = []
  const listener: RequestListener = (request, response) => {
    requests.push(request.url ?? '')
    if (answer(request, response)) return
    const bytes = files.get((request.url ?? '').replace('/downloads/', ''))
    response.writeHead(bytes === undefined ? 404 : 200, { 'content-length': bytes?.length ?? 0 }).end(bytes)
  }
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  return { url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`, requests }
}

/** Files below a folder. */
function filesIn(folder: string): string[] {
  return existsSync(folder) ? (readdirSync(folder, { recursive: true }) as string[]).toSorted() : []
}

async function makePlatform(...parameters: Parameters<typeof makeArchives>) {
  const archives = makeArchives(...parameters)
  const { url, requests } = await serve(archives)
  const prefix = join(temporaryDirectory(), 'rca-agent')
  const install = (words: readonly string[] = [], environment = {}, shell: readonly string[] = ['dash']) =>
    runScript(shell, archives.render(url), [...OPTIONS, '--prefix', prefix, ...words], environment)
  return { archives, url, requests, prefix, install }
}

/** Folder with links to some programs only, as the value of PATH. */
function pathOf(...programs: readonly string[]): { PATH: string } {
  const folder = temporaryDirectory()
  for (const program of programs) {
    const found = execFileSync('sh', ['-c', `command -v ${program} || true`], { encoding: 'utf8' }).trim()
    if (found !== '') symlinkSync(found, join(folder, program))
  }
  return { PATH: folder }
}

const BASICS = [
  'uname',
  'id',
  'cat',
  'cut',
  'ln',
  'mkdir',
  'mv',
  'rm',
  'rmdir',
  'sed',
  'tail',
  'tr',
  'date',
  'dirname',
  'basename',
  'mktemp',
  'sh',
  'getconf',
  'ldd',
  'tar',
  'gzip',
  'sha256sum',
]

describe('agent.sh', () => {
  test('runs nothing when its download was cut', async () => {
    const folder = temporaryDirectory()
    // Every command of the script would leave a file here, and so would a part of its last line.
    const script = TEMPLATE.replaceAll(/@[A-Z0-9_]+@/g, "'x'").replace(
      'main() {\n',
      `main() {\n  touch ${folder}/ran\n`,
    )
    const lastLine = script.lastIndexOf('\n', script.length - 2) + 1
    const tenths = Array.from({ length: 10 }, (_, index) => Math.floor((script.length * index) / 10))
    const cuts = [...tenths, ...Array.from({ length: script.length - lastLine - 2 }, (_, index) => lastLine + index)]
    for (const shell of ['bash', 'dash'])
      for (const cut of cuts) await runScript([shell], script.slice(0, cut), ['--help'])
    expect(filesIn(folder)).toEqual([])
    await runScript(['dash'], script, ['--help'])
    expect(filesIn(folder)).toEqual(['ran'])
  })

  test('lists every exit code, and so does the README', () => {
    const codes: readonly number[] = Object.values(SERVICE_EXIT_CODES)
    const usage = TEMPLATE.slice(TEMPLATE.indexOf('Exit codes:'), TEMPLATE.indexOf('\nUSAGE\n'))
    const listed = [...usage.matchAll(/(?<=^ {2}| {2})( \d|\d\d)(?= )/gm)].map(([, code]) => Number(code))
    expect(listed.toSorted((a, b) => a - b)).toEqual(codes)
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
    const table = readme.slice(readme.indexOf('| exit code | cause')).split('\n\n', 1)[0] ?? ''
    expect([...table.matchAll(/^\| (\d+) /gm)].map(([, code]) => Number(code))).toEqual(codes)
  })

  test('ends with listed exit codes only', () => {
    const codes = [...TEMPLATE.matchAll(/\b(?:fail|process\.exit\(.*\? 0 :) (\d+)/g)].map(([, code]) => Number(code))
    expect(codes.length).toBeGreaterThan(20)
    expect(Object.values(SERVICE_EXIT_CODES)).toEqual(expect.arrayContaining(codes))
  })

  test.each([
    [['--agent-tokn', 'x'], '--agent-tokn is not an option'],
    [['--agent-token'], '--agent-token needs a value'],
    [['--prefix', 'opt'], '--prefix must be an absolute path'],
    [['--prefix', '/opt/a b'], '--prefix must be an absolute path'],
    [['--version', '../x'], '--version'],
    [['--ca-file', '/missing.pem'], '/missing.pem cannot be read'],
    [['--\u001b]0;owned\u0007'], '--?]0;owned? is not an option'],
    [['--\u009b2J\u202e'], /agent\.sh: --\?+2J\?+ is not an option/],
  ])('refuses %j', async (words, message) => {
    const { code, stderr } = await runScript(['dash'], makeArchives().render('http://127.0.0.1:1'), words)
    expect(stderr).toMatch(message)
    expect(code).toBe(SERVICE_EXIT_CODES.usage)
  })
})

const isRoot = process.getuid?.() === 0 && process.platform === 'linux'

realDescribe('agent.sh as root', isRoot ? {} : { missing: 'root on Linux' }, () => {
  test('passes shellcheck', () => {
    const file = new URL('../install/agent.sh', import.meta.url).pathname
    execFileSync('shellcheck', [file], { stdio: 'inherit' })
  })

  test.each(SHELLS)('installs with %s, and passes the options on', async (shell) => {
    const { install, prefix, url } = await makePlatform()
    const result = await install(['--set', 'note=a b', '--wait', '3', '--no-service'], {}, shell.split(' '))
    expect(result).toMatchObject({ code: 0, stderr: '' })
    expect(result.stdout).toContain(
      `called with service install --agent-type server --prefix ${prefix} --set note=a b --wait 3 --no-service --platform-url ${url}`,
    )
    expect(result.stdout).toMatch(/token a-token, key RW.+, proxy \nhas the lock/)
    expect(readlinkSync(join(prefix, 'current'))).toBe('versions/1.0.0')
    expect(readdirSync(prefix).toSorted()).toEqual(['current', 'versions'])
  })

  test('does not download again what is installed', async () => {
    const { install, requests, archives } = await makePlatform()
    await install()
    requests.length = 0
    expect((await install()).code).toBe(0)
    expect(requests).not.toContain(`/downloads/${archives.archive}`)
  })

  test('installs another version beside it, and an older one that is named', async () => {
    const { install, prefix } = await makePlatform(['1.0.0', '1.1.0'])
    await install()
    expect(readlinkSync(join(prefix, 'current'))).toBe('versions/1.1.0')
    await install(['--version', '1.0.0'])
    expect(readlinkSync(join(prefix, 'current'))).toBe('versions/1.0.0')
    const unknown = await install(['--version', '9.9.9'])
    expect(unknown.stderr).toContain('has no version 9.9.9')
    expect(unknown.stderr).toContain('It has: 1.0.0 1.1.0. Choose')
    expect(unknown.code).toBe(SERVICE_EXIT_CODES.notOnPlatform)
  })

  test('keeps other bytes of the same version apart', async () => {
    const { install, prefix } = await makePlatform()
    await install()
    writeFileSync(join(prefix, 'versions/1.0.0/.sha256'), 'of an earlier build\n')
    expect((await install()).code).toBe(0)
    expect(readlinkSync(join(prefix, 'current'))).toMatch(/^versions\/1\.0\.0-[0-9a-f]{8}$/)
  })

  test('a dry run changes nothing', async () => {
    const { install, prefix } = await makePlatform()
    const folder = temporaryDirectory()
    const { code, stdout } = await install(['--dry-run'], { TMPDIR: folder })
    expect(stdout).toContain('--dry-run')
    expect(code).toBe(0)
    expect(existsSync(prefix)).toBe(false)
    expect(filesIn(folder)).toEqual([])
  })

  test('uninstalls with the program that is installed, also after an installation that was killed', async () => {
    const { install, prefix } = await makePlatform()
    expect((await install(['--uninstall'])).stdout).toContain(`Nothing is installed in ${prefix}`)
    await install()
    expect((await install(['--uninstall'])).stdout).toContain('called with service uninstall')
    execFileSync('rm', [join(prefix, 'current')])
    expect((await install(['--uninstall'])).stdout).toContain('called with service uninstall')
  })

  test('keeps the configuration when it gets no token', async () => {
    const { archives, url, prefix } = await makePlatform()
    const { stdout } = await runScript(['dash'], archives.render(url), ['--prefix', prefix])
    expect(stdout).toContain(`called with service install --prefix ${prefix}\n`)
  })

  test.each([
    ['curl and openssl', ['curl', 'openssl']],
    ['wget, and the runtime for the signature', ['wget']],
  ])('needs only %s', async (_what, programs) => {
    const { install } = await makePlatform()
    const result = await install([], pathOf(...BASICS, ...programs), ['/bin/dash'])
    expect(result.stderr).toBe('')
    expect(result.code).toBe(0)
  })

  test('names the tools that are missing', async () => {
    const { install } = await makePlatform()
    const without = (name: string) =>
      pathOf(...BASICS.filter((each) => each !== name), ...(name === 'curl' ? [] : ['curl']))
    for (const tool of ['tar', 'gzip', 'curl', 'sha256sum']) {
      const { code, stderr } = await install([], without(tool), ['/bin/dash'])
      expect(stderr).toContain(tool)
      expect(code).toBe(SERVICE_EXIT_CODES.missingTool)
    }
  })

  test.each([
    ['another system', 'uname', 'echo FreeBSD', 'unsupportedSystem', 'FreeBSD'],
    ['macOS', 'uname', 'echo Darwin', 'unsupportedSystem', 'macOS'],
    ['a processor', 'uname', '[ "$1" = -s ] && echo Linux || echo riscv64', 'unsupportedSystem', 'riscv64'],
    ['musl', 'ldd', 'echo "musl libc (x86_64)" >&2; exit 1', 'unsupportedLibrary', 'musl'],
    [
      'an old glibc',
      'getconf',
      '[ "$1" = LONG_BIT ] && echo 64 || echo glibc 2.17',
      'unsupportedLibrary',
      'glibc 2.17',
    ],
    ['32 bits', 'getconf', 'echo 32', 'unsupportedSystem', '32-bit'],
    ['a user who is not root', 'id', 'echo 1000', 'notRoot', 'sudo -i'],
  ] as const)('refuses %s', async (_what, program, script, failure, message) => {
    const { install, prefix } = await makePlatform()
    const folder = temporaryDirectory()
    writeFileSync(join(folder, program), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
    const { code, stderr } = await install([], { PATH: `${folder}:${process.env.PATH}` })
    expect(stderr).toContain(message)
    expect(code).toBe(SERVICE_EXIT_CODES[failure])
    expect(existsSync(prefix)).toBe(false)
  })
})

/** A download that fails, its exit code and a part of its message. */
type FailedDownload = readonly [
  what: string,
  failure: keyof typeof SERVICE_EXIT_CODES,
  message: string | RegExp,
  run: (platform: Awaited<ReturnType<typeof makePlatform>>) => Promise<ScriptResult>,
]

const install = (
  { prefix }: { prefix: string },
  archives: FakeArchives,
  url: string,
  words: readonly string[] = [],
  environment = {},
): Promise<ScriptResult> =>
  runScript(['dash'], archives.render(url), [...OPTIONS, '--prefix', prefix, ...words], environment)

async function closedPort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Installs from a platform that ends the connection after some bytes of the archive. */
async function installCut(
  platform: Awaited<ReturnType<typeof makePlatform>>,
  lengthOf: (length: number) => number,
): Promise<ScriptResult> {
  const { archives } = platform
  const { url } = await serve(archives, (request, response) => {
    const bytes = archives.files.get(archives.archive)
    if (bytes === undefined || request.url?.endsWith('.tar.gz') !== true) return false
    response.writeHead(200, { 'content-length': bytes.length })
    response.write(bytes.subarray(0, lengthOf(bytes.length)), () => response.destroy())
    return true
  })
  return install(platform, archives, url)
}

const DOWNLOADS: readonly FailedDownload[] = [
  ...Array.from(
    { length: 10 },
    (_, tenth): FailedDownload => [
      `an archive that is cut after ${tenth * 10} %`,
      'wrongChecksum',
      /cut|checksum/,
      (platform) => installCut(platform, (length) => Math.floor((length * tenth) / 10)),
    ],
  ),
  [
    'an archive without its last 404 bytes',
    'wrongChecksum',
    /cut|checksum/,
    (platform) => installCut(platform, (length) => length - 404),
  ],
  [
    'archives that were not built, asked for with wget',
    'notOnPlatform',
    'npm run artifacts',
    async ({ archives, prefix }) => {
      const script = archives.render((await serve({ files: new Map() })).url)
      return runScript(['/bin/dash'], script, [...OPTIONS, '--prefix', prefix], pathOf(...BASICS, 'wget'))
    },
  ],
  [
    'an archive that was changed',
    'wrongChecksum',
    'the checksum of rca-agent-1.1.0',
    (platform) => {
      platform.archives.files.set(platform.archives.archive, Buffer.from('changed'))
      return install(platform, platform.archives, platform.url)
    },
  ],
  [
    'a list of checksums that was changed',
    'wrongChecksum',
    'is not the list that this script was made for',
    (platform) => {
      platform.archives.files.set('SHA256SUMS', Buffer.from('changed'))
      return install(platform, platform.archives, platform.url)
    },
  ],
  [
    'a signature of another key',
    'wrongSignature',
    'was not made with the key of this script',
    (platform) => {
      const other = makeArchives().files.get('SHA256SUMS.minisig') ?? Buffer.from('')
      platform.archives.files.set('SHA256SUMS.minisig', other)
      return install(platform, platform.archives, platform.url)
    },
  ],
  [
    'a signature of another key, without a program that checks it',
    'wrongSignature',
    'was not made with the key of this script',
    (platform) => {
      const other = makeArchives().files.get('SHA256SUMS.minisig') ?? Buffer.from('')
      platform.archives.files.set('SHA256SUMS.minisig', other)
      const script = platform.archives.render(platform.url)
      return runScript(['/bin/dash'], script, [...OPTIONS, '--prefix', platform.prefix], pathOf(...BASICS, 'curl'))
    },
  ],
  [
    'archives that were not built',
    'notOnPlatform',
    'npm run artifacts',
    async (platform) => install(platform, platform.archives, (await serve({ files: new Map() })).url),
  ],
  [
    'a platform that does not answer',
    'downloadFailed',
    'cannot be downloaded',
    async (platform) => install(platform, platform.archives, `http://127.0.0.1:${await closedPort()}`),
  ],
  [
    'a name that does not exist',
    'downloadFailed',
    'cannot be downloaded',
    (platform) => install(platform, platform.archives, 'http://platform.invalid'),
  ],
  [
    'a platform with an error',
    'downloadFailed',
    '501',
    async (platform) => {
      const { url } = await serve(platform.archives, (_request, response) => {
        response.writeHead(501).end()
        return true
      })
      return install(platform, platform.archives, url)
    },
  ],
  [
    'a proxy that refuses',
    'proxyRefused',
    'Correct --proxy',
    async (platform) => {
      const proxy = await serve({ files: new Map() }, (_request, response) => {
        response.writeHead(407).end()
        return true
      })
      return install(platform, platform.archives, platform.url, ['--proxy', proxy.url])
    },
  ],
  [
    'a proxy that does not answer',
    'proxyRefused',
    'Correct --proxy',
    async (platform) =>
      install(platform, platform.archives, platform.url, ['--proxy', `http://127.0.0.1:${await closedPort()}`]),
  ],
]

realDescribe('a download that fails', isRoot ? {} : { missing: 'root on Linux' }, () => {
  test.each(DOWNLOADS)(
    '%s: exits with the code of %s and leaves the installed version',
    async (_what, failure, message, run) => {
      const platform = await makePlatform(['1.0.0', '1.1.0'])
      await platform.install(['--version', '1.0.0'])
      const before = filesIn(platform.prefix)
      const { code, stderr } = await run(platform)
      expect(stderr).toMatch(message instanceof RegExp ? message : new RegExp(message.replaceAll('.', '\\.')))
      expect(code).toBe(SERVICE_EXIT_CODES[failure])
      expect(filesIn(platform.prefix)).toEqual(before)
    },
  )

  test('leaves no folder of a first installation', async () => {
    const platform = await makePlatform()
    platform.archives.files.set(platform.archives.archive, Buffer.from('changed'))
    expect((await platform.install()).code).toBe(SERVICE_EXIT_CODES.wrongChecksum)
    expect(existsSync(platform.prefix)).toBe(false)
  })

  test('a certificate of an unknown authority is refused, and accepted with --ca-file', async () => {
    const { archives, prefix } = await makePlatform()
    const { url, caFile } = await serveTls(archives)
    const refused = await install({ prefix }, archives, url)
    expect(refused.stderr).toContain('--ca-file')
    expect(refused.code).toBe(SERVICE_EXIT_CODES.tlsNotTrusted)
    expect(existsSync(prefix)).toBe(false)
    const accepted = await install({ prefix }, archives, url, ['--ca-file', caFile])
    expect(accepted.stderr).toBe('')
    expect(accepted.stdout).toContain(`--ca-file ${caFile}`)
  })

  test.each([
    ['has expired, as for a clock that is ahead,', { from: -2, to: -1 }],
    ['is not yet valid, as for a clock that is behind,', { from: 1, to: 2 }],
  ])('a certificate that %s is reported as such', async (_what, days) => {
    const { archives, prefix } = await makePlatform()
    const { url, caFile } = await serveTls(archives, days)
    for (const client of ['curl', 'wget']) {
      const script = archives.render(url)
      const words = [...OPTIONS, '--prefix', prefix, '--ca-file', caFile]
      const { code, stderr } = await runScript(['/bin/dash'], script, words, pathOf(...BASICS, client))
      expect(stderr).toMatch(/not valid at 20\d\d-.*Set the clock/)
      expect(code).toBe(SERVICE_EXIT_CODES.wrongClock)
    }
    expect(existsSync(prefix)).toBe(false)
  })

  test('a full disk is reported as such', async () => {
    const { install: run, archives, prefix } = await makePlatform()
    // Incompressible, so that the archive itself does not fit.
    mkdirSync(prefix)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', prefix])
    onTestFinished(() => void execFileSync('umount', [prefix]))
    archives.files.set('SHA256SUMS.minisig', Buffer.alloc(1 << 20))
    const { code, stderr } = await run()
    expect(stderr).toContain('Free 200 MB')
    expect(code).toBe(SERVICE_EXIT_CODES.noSpace)
    expect(readdirSync(prefix)).toEqual([])
  })

  test('a prefix that is not writable is reported as such', async () => {
    const { install: run, prefix } = await makePlatform()
    mkdirSync(prefix)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', prefix])
    onTestFinished(() => void execFileSync('umount', [prefix]))
    const { code, stderr } = await run()
    expect(stderr).toContain('choose another folder with --prefix')
    expect(code).toBe(SERVICE_EXIT_CODES.notWritable)
  })
})

realDescribe('two installations', isRoot ? {} : { missing: 'root on Linux' }, () => {
  test('at once: the second one ends at once, and a later one succeeds', async () => {
    const { archives, prefix } = await makePlatform()
    let answer = (): void => undefined
    const reached = new Promise<void>((resolve) => {
      answer = resolve
    })
    let release = (): void => undefined
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    const { url } = await serve(archives, (request, response) => {
      if (request.url?.endsWith('.tar.gz') !== true) return false
      answer()
      void released.then(() => response.end(archives.files.get(archives.archive)))
      return true
    })
    const first = install({ prefix }, archives, url)
    await reached
    const second = await install({ prefix }, archives, url)
    expect(second.stderr).toMatch(/another installation runs in .* \(process \d+\)/)
    expect(second.code).toBe(SERVICE_EXIT_CODES.locked)
    release()
    expect((await first).code).toBe(0)
    expect((await install({ prefix }, archives, url)).code).toBe(0)
    expect(readdirSync(prefix).toSorted()).toEqual(['current', 'versions'])
  })

  test('one after another that was killed: the second one cleans up and installs', async () => {
    const { archives, prefix, install: again } = await makePlatform()
    const { url } = await serve(archives, (request) => request.url?.endsWith('.tar.gz') === true)
    const child = spawn('dash', ['-s', '--', ...OPTIONS, '--prefix', prefix])
    child.stdin.end(archives.render(url))
    while (!filesIn(prefix).some((file) => file.endsWith('.minisig')))
      await new Promise((resolve) => setImmediate(resolve))
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(readdirSync(prefix)).toContain('.lock')
    expect(await again(['--uninstall'])).toMatchObject({ code: 0, stderr: '' })
    expect(existsSync(prefix)).toBe(false)
    expect(await again()).toMatchObject({ code: 0, stderr: '' })
    expect(readdirSync(prefix).toSorted()).toEqual(['current', 'versions'])
  })
})

/** Serves archives with a certificate that signs itself, and that is valid from and to some days from now. */
async function serveTls(
  archives: FakeArchives,
  days?: { readonly from: number; readonly to: number },
): Promise<{ url: string; caFile: string }> {
  const folder = temporaryDirectory()
  await makeSelfSignedCertificate(folder, 'IP:127.0.0.1', days)
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const tls = { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }
  return { url: (await serve(archives, undefined, tls)).url, caFile: cert }
}

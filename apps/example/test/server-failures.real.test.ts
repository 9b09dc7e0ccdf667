import { mkdtempSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  ARCHIVES_TIMEOUT_MS,
  FIRST_VERSION as FIRST,
  findArchives,
  type Machine,
  makeSelfSignedCertificate,
  missingForMachine,
  run,
  SECOND_VERSION as SECOND,
  START_TIMEOUT_MS,
  startMachine,
} from '@rca/rig'
import { realDescribe } from '@rca/rig/real'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Fault, type FaultyPlatform, type Listener, startFaultyPlatform, startProxy } from './faulty-platform.ts'
import { eventually } from './processes.ts'
import { crashOf, DROP_IN, difference, listState } from './server-scene.ts'

const directory = mkdtempSync(join(tmpdir(), 'rca-failures-'))
/** Folder with the archives of both versions. */
let artifacts: string

const NEWEST_ARCHIVE = `rca-agent-${SECOND}-linux-${process.arch}.tar.gz`

const HOUR_MS = 3_600_000

/** An address that the machine has no route to. */
const UNREACHABLE = 'http://198.18.200.1'

vi.setConfig({ testTimeout: START_TIMEOUT_MS })

let machine: Machine
let platform: FaultyPlatform
let proxy: Listener
/** The command that the platform returned, and the one that uninstalls. */
let command: string
let uninstallCommand: string
/** State of the machine before the first installation. */
let pristine: string

interface Outcome {
  readonly code: number
  readonly output: string
}

/** Runs a command in the machine. Returns all that it prints, and its exit code. */
async function attempt(command: string, input = ''): Promise<Outcome> {
  const text = await machine.run(`{ ${command}\n} 2>&1; echo "exit $?"`, { input })
  const [, output = '', code] = /^([\s\S]*)exit (\d+)\n$/.exec(text) ?? []
  return { code: Number(code), output }
}

/** Answers requests of one path with the given bytes, or with a part of them before the connection is cut. */
function answerWith(path: string, bytes: Buffer, cutAt = bytes.length): Fault {
  return (request, response) => {
    if (request.url !== path) return false
    response.writeHead(200, { 'content-length': bytes.length })
    if (cutAt === bytes.length) response.end(bytes)
    else if (cutAt === 0) response.write('', () => response.destroy())
    else response.write(bytes.subarray(0, cutAt), () => response.destroy())
    return true
  }
}

const tenths = (length: number): number[] => Array.from({ length: 10 }, (_, tenth) => Math.floor((length * tenth) / 10))

const readArchive = (name: string): Buffer => readFileSync(join(artifacts, name))

/** Returns the installer as the platform serves it. */
const readScript = async (): Promise<string> => (await fetch(`${platform.url}/install/agent.sh`)).text()

/** Runs the installer without downloading it first. */
const runScript = (script: string, options: string): Promise<Outcome> => attempt(`bash -s -- ${options}`, script)

async function withToken(environment: string, config: Readonly<Record<string, unknown>> = {}): Promise<string> {
  return (await platform.provision(environment, config)).deployment_command
}

/** Takes the only use of a token for another server. */
async function useUp(token: string): Promise<void> {
  const agent = { agent_id: '8c5f2b0e-3d1a-5c47-9b62-0f4f7a1d9e33', agent_type: 'server', agent_version: FIRST }
  const response = await fetch(`${platform.url}/api/v1/agent/enroll`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ ...agent, instance_id: 'another-server' }),
  })
  expect(response.status).toBe(201)
}

/** Starts another platform, with a certificate that is valid from and to some days from now. */
async function withTls(
  days: { readonly from: number; readonly to: number } | undefined,
  install: (command: string) => Promise<Outcome>,
): Promise<Outcome> {
  const folder = mkdtempSync(join(directory, 'tls-'))
  await makeSelfSignedCertificate(folder, `IP:${machine.hostAddress}`, days)
  const [cert, key] = ['cert.pem', 'key.pem'].map((file) => readFileSync(join(folder, file), 'utf8'))
  const secure = await startFaultyPlatform(machine.hostAddress, artifacts, { cert: cert ?? '', key: key ?? '' })
  try {
    await machine.run('cat >/run/ca.pem', { input: cert ?? '' })
    const { deployment_command } = await secure.provision('tls')
    // The first curl is not what is tested: without a valid certificate it would not even get the script.
    return await install(deployment_command.replace('curl ', 'curl --insecure '))
  } finally {
    await machine.run('rm /run/ca.pem')
    await secure.close()
  }
}

/** A failure of an installation: its exit code, what it says, and how it is caused. */
type Failure = readonly [what: string, code: number, text: RegExp, cause: () => Promise<Outcome>]

/** Failures before anything of the machine is changed. */
const BEFORE_CHANGES: readonly Failure[] = [
  ...Array.from(
    { length: 10 },
    (_, tenth): Failure => [
      `an archive that is cut after ${tenth * 10} %`,
      24,
      /was cut.*Run the command again/,
      () => {
        const bytes = readArchive(NEWEST_ARCHIVE)
        platform.breakWith(answerWith(`/downloads/${NEWEST_ARCHIVE}`, bytes, tenths(bytes.length)[tenth]))
        return attempt(command)
      },
    ],
  ),
  [
    'an archive with other bytes',
    24,
    /the checksum of rca-agent-2\.0\.0-.* is wrong.*Run the command again/,
    () => {
      const bytes = readArchive(NEWEST_ARCHIVE)
      bytes.writeUInt8(bytes.readUInt8(1000) ^ 1, 1000)
      platform.breakWith(answerWith(`/downloads/${NEWEST_ARCHIVE}`, bytes))
      return attempt(command)
    },
  ],
  [
    'other checksums',
    24,
    /SHA256SUMS is not the list that this script was made for.*Run the command again/,
    () => {
      platform.breakWith(answerWith('/downloads/SHA256SUMS', Buffer.from(`${'0'.repeat(64)}  ${NEWEST_ARCHIVE}\n`)))
      return attempt(command)
    },
  ],
  [
    'a signature of other checksums',
    25,
    /the signature of .*SHA256SUMS is wrong.*Nothing was installed/,
    () => {
      const [comment, line, ...others] = readArchive('SHA256SUMS.minisig').toString().split('\n')
      const bytes = Buffer.from(line ?? '', 'base64')
      bytes.writeUInt8(bytes.readUInt8(40) ^ 1, 40)
      const signature = [comment, bytes.toString('base64'), ...others].join('\n')
      platform.breakWith(answerWith('/downloads/SHA256SUMS.minisig', Buffer.from(signature)))
      return attempt(command)
    },
  ],
  [
    'an unknown version',
    23,
    /has no version 9\.9\.9 .*It has: 1\.0\.0 2\.0\.0\. Choose/,
    () => attempt(`${command} --version 9.9.9`),
  ],
  ['an unknown option of the agent', 2, /Did you mean `log_level`/, () => attempt(`${command} --set log_levl=debug`)],
  [
    'no space',
    30,
    /no space is left\. Free 200 MB/,
    async () => {
      // Enough for the archive, and not for its contents.
      await machine.run(
        'fallocate --length $(($(df --output=avail --block-size=1M /opt | tail -n 1) - 60))M /opt/filler',
      )
      return attempt(command).finally(() => machine.run('rm /opt/filler'))
    },
  ],
  [
    'a prefix that cannot be written',
    31,
    /\/opt\/rca-agent.*Make it writable, or choose another folder with --prefix/,
    async () => {
      await machine.run('mount -o remount,ro /opt')
      return attempt(command).finally(() => machine.run('mount -o remount,rw /opt'))
    },
  ],
  [
    'no route to the platform',
    20,
    /cannot be downloaded.*Check the network/,
    async () => runScript((await readScript()).replaceAll(platform.url, UNREACHABLE), '--version 2.0.0'),
  ],
  [
    'a name of the platform that cannot be resolved',
    20,
    /resolve.*Check the network, name resolution/,
    async () => runScript((await readScript()).replaceAll(platform.url, 'http://platform.invalid'), ''),
  ],
  [
    'a proxy that refuses',
    21,
    /the proxy refused the way to .*407.*Correct --proxy/,
    async () => {
      proxy.breakWith((_request, response) => {
        response.writeHead(407).end()
        return true
      })
      return attempt(`${command} --proxy ${proxy.url}`)
    },
  ],
  [
    'a proxy that refuses the tunnel to a platform with TLS',
    21,
    /the proxy refused the way to .*407.*Correct --proxy/,
    () => withTls(undefined, (secure) => attempt(`${secure} --ca-file /run/ca.pem --proxy ${proxy.url}`)),
  ],
  [
    'a certificate of an unknown authority',
    22,
    /certificate is not trusted.*Name the file with its CA certificate with --ca-file/,
    () => withTls(undefined, attempt),
  ],
  [
    'a clock that is behind the certificate',
    42,
    /certificate is not valid at 20\d\d-.*Set the clock/,
    () => withTls({ from: 1, to: 2 }, (secure) => attempt(`${secure} --ca-file /run/ca.pem`)),
  ],
  [
    'a clock that is ahead of the certificate',
    42,
    /certificate is not valid at 20\d\d-.*Set the clock/,
    () => withTls({ from: -2, to: -1 }, (secure) => attempt(`${secure} --ca-file /run/ca.pem`)),
  ],
]

/** Failures of the agent after everything was installed, which is undone. */
const AFTER_CHANGES: readonly Failure[] = [
  [
    'an unknown token',
    40,
    /the platform refused the token.*Get a new command/,
    () => attempt(command.replace(/--agent-token \S+/, '--agent-token agent_unknown')),
  ],
  [
    'an agent that crashes at start',
    41,
    /has not accepted a heartbeat within 2 s.*Last lines of its log/s,
    async () => {
      await machine.run(`mkdir -p ${DROP_IN} && cat >${DROP_IN}/crash.conf`, { input: crashOf(SECOND) })
      return attempt(`${command} --wait 2`).finally(() => machine.run(`rm -r ${DROP_IN} && systemctl daemon-reload`))
    },
  ],
]

/** Returns true for a heartbeat of the second version. */
const isHeartbeat = ({ url, headers }: IncomingMessage): boolean =>
  url?.endsWith('/heartbeat') === true && headers['user-agent']?.includes(SECOND) === true

/** Keeps requests of this kind without an answer. Returns a promise of the first one. */
function hold(isHeld: (request: IncomingMessage) => boolean): Promise<ServerResponse> {
  const { promise, resolve } = Promise.withResolvers<ServerResponse>()
  platform.breakWith((request, response) => {
    if (!isHeld(request)) return false
    resolve(response)
    return true
  })
  return promise
}

/** Kills the installation of the second version when the platform gets a request. */
async function killDuring(isReached: (request: IncomingMessage) => boolean): Promise<void> {
  const reached = hold(isReached)
  const installation = attempt(command)
  const response = await reached
  await machine.run('kill -KILL "$(cut -d " " -f 1 /opt/rca-agent/.lock)"')
  // Programs that the installation has started go on.
  platform.breakWith()
  response.destroy()
  expect((await installation).code).toBe(137)
}

async function expectPristine(): Promise<void> {
  expect(difference(pristine, await listState(machine))).toEqual([])
}

/** Checks that nothing of the machine differs, except for what its agent keeps. */
async function expectUnchanged(before: string): Promise<void> {
  const lines = difference(before, await listState(machine))
  expect(lines.filter((line) => !line.includes(' /var/lib/rca-agent/'))).toEqual([])
}

interface Health {
  readonly pid: number
  readonly agent_version: string
}

async function health(): Promise<Health> {
  const text = await machine.run('curl -sS --unix-socket /run/rca-agent/agent.sock http://agent/healthz')
  const { pid, agent_version } = JSON.parse(text) as Health
  return { pid, agent_version }
}

realDescribe('an installation on a server', await missingForMachine(), () => {
  beforeAll(async () => {
    artifacts = (await findArchives()).both
    machine = await startMachine()
    // A filesystem of its own, which a test can fill.
    await machine.run('mount -t tmpfs -o size=450m tmpfs /opt')
    platform = await startFaultyPlatform(machine.hostAddress, artifacts)
    proxy = await startProxy(machine.hostAddress)
    const provisioned = await platform.provision('shop')
    command = provisioned.deployment_command
    uninstallCommand = provisioned.uninstall_command
    pristine = await listState(machine)
  }, ARCHIVES_TIMEOUT_MS + START_TIMEOUT_MS)
  afterAll(async () => {
    await machine?.stop()
    await Promise.all([platform?.close(), proxy?.close()])
    await rm(directory, { recursive: true, force: true })
  }, START_TIMEOUT_MS)
  afterEach(() => {
    platform.breakWith()
    proxy.breakWith()
  })

  describe('for the first time', () => {
    test('is a script without a finding of shellcheck, as the platform serves it', async () => {
      expect(await run('shellcheck', ['-'], { input: await readScript() })).toBe('')
    })

    test('runs nothing of a script that was cut at every 10 %', async () => {
      const bytes = Buffer.from(await readScript())
      for (const cutAt of tenths(bytes.length)) {
        platform.breakWith(answerWith('/install/agent.sh', bytes, cutAt))
        const { output } = await attempt(command)
        expect(output).toMatch(/^curl: \(\d+\)/)
        expect(output).not.toContain('Downloading')
      }
      await expectPristine()
    })

    test('prints every step of a dry run, and changes nothing', async () => {
      const { code, output } = await attempt(`${command} --dry-run`)
      expect(output).toContain('would create the user and the group rca-agent')
      expect(output).toContain('would write /etc/rca-agent/agent.env')
      expect(output).toContain('would write /etc/systemd/system/rca-agent.service')
      expect(output).toContain('would start the service, and wait for an accepted heartbeat')
      expect(code).toBe(0)
      await expectPristine()
    })

    test.each<Failure>([
      ...BEFORE_CHANGES.filter(([what]) => /cut after 50 %|no space|cannot be written/.test(what)),
      ...AFTER_CHANGES,
      [
        'an expired token',
        40,
        /refused the token.*admitted new agents until.*Get a new command/,
        async () => {
          const expired = await withToken('expired', { token_ttl: '1h' })
          platform.advance(HOUR_MS + 1)
          return attempt(expired)
        },
      ],
      [
        'a token that is used up',
        40,
        /refused the token.*As many agents joined.*Get a new command/,
        async () => {
          const { deployment_command, agent_token } = await platform.provision('used-up', { token_uses: 1 })
          await useUp(agent_token)
          return attempt(deployment_command)
        },
      ],
      [
        'a revoked token',
        40,
        /refused the token.*was revoked.*Get a new command/,
        async () => {
          const revoked = await withToken('revoked')
          await platform.admin.post('api/v1/environments/revoked/token/revoke')
          return attempt(revoked)
        },
      ],
      [
        'a platform that does not answer heartbeats',
        41,
        /has not accepted a heartbeat within 2 s/,
        async () => {
          void hold(({ url }) => url?.endsWith('/heartbeat') === true)
          return attempt(`${command} --wait 2`)
        },
      ],
    ])('fails with %s, and leaves nothing', async (_what, code, text, cause) => {
      const outcome = await cause()
      expect(outcome.output).toMatch(text)
      expect(outcome.code).toBe(code)
      await expectPristine()
    })
  })

  describe('over an older version', () => {
    let before: string
    let running: Health

    beforeAll(async () => {
      const { code, output } = await attempt(`${command} --version ${FIRST}`)
      expect(output).toMatch(/rca-agent 1\.0\.0 installed and started.*\nThe platform accepted a heartbeat at 20/)
      expect(code).toBe(0)
      before = await listState(machine)
      running = await health()
    })

    test('changes nothing when it is the same version', async () => {
      const { code, output } = await attempt(`${command} --version ${FIRST}`)
      expect(output).toContain('unchanged')
      expect(code).toBe(0)
      expect(await health()).toEqual(running)
      await expectUnchanged(before)
    })

    test.each(BEFORE_CHANGES)('fails with %s, and the agent runs on', async (_what, code, text, cause) => {
      const outcome = await cause()
      expect(outcome.output).toMatch(text)
      expect(outcome.code).toBe(code)
      expect(await health()).toEqual(running)
      await expectUnchanged(before)
    })

    test.each<Failure>([
      ...AFTER_CHANGES,
      [
        'a proxy that refuses the agent',
        21,
        /the proxy refused the agent.*Correct --proxy/,
        () => {
          proxy.breakWith((request, response) => {
            if (request.url?.includes('/api/') !== true) return false
            response.writeHead(407).end()
            return true
          })
          return attempt(`${command} --proxy ${proxy.url}`)
        },
      ],
    ])('fails with %s, and the older version runs again', async (_what, code, text, cause) => {
      const outcome = await cause()
      expect(outcome.output).toMatch(text)
      expect(outcome.output).toContain('Version 1.0.0 runs as before')
      expect(outcome.code).toBe(code)
      expect((await health()).agent_version).toBe(FIRST)
      await expectUnchanged(before)
    })

    test('that is killed during the download leaves the older version running', async () => {
      await killDuring(({ url }) => url === `/downloads/${NEWEST_ARCHIVE}`)
      expect(await health()).toMatchObject({ agent_version: FIRST })
      expect(await machine.run('ls -A /opt/rca-agent')).toContain('.lock')
    })

    test('can be repeated, and succeeds in one of two shells at once', async () => {
      // The archive is not sent before one of them has ended.
      const held: ServerResponse[] = []
      platform.breakWith(({ url }, response) => {
        if (url !== `/downloads/${NEWEST_ARCHIVE}`) return false
        held.push(response)
        return true
      })
      const shells = [attempt(command), attempt(command.replace('bash -s', 'sh -s'))]
      const refused = await Promise.race(shells)
      expect(refused.output).toMatch(/another installation runs in \/opt\/rca-agent \(process \d+\)\. Wait until/)
      expect(refused.code).toBe(32)
      await eventually('the download of the other shell', () => held.length > 0, START_TIMEOUT_MS)
      for (const response of held) response.end(readArchive(NEWEST_ARCHIVE))
      const codes = (await Promise.all(shells)).map(({ code }) => code)
      expect(codes.toSorted((a, b) => a - b)).toEqual([0, 32])
      expect((await health()).agent_version).toBe(SECOND)
      expect(await machine.run('ls -A /opt/rca-agent')).toBe('current\nrca-agent.pub\nversions\n')
    })

    test('goes back to the older version through a proxy, without a variable of the caller', async () => {
      const isolated = command.replace('bash -s', 'env -i bash -s')
      const { code, output } = await attempt(`${isolated} --version ${FIRST} --proxy ${proxy.url}`)
      expect(output).toContain('The platform accepted a heartbeat')
      expect(code).toBe(0)
      expect((await health()).agent_version).toBe(FIRST)
      expect(proxy.requests).toContain(`GET ${platform.url}/downloads/SHA256SUMS`)
      expect(proxy.requests).toContain(`POST ${platform.url}/api/v1/agent/heartbeat`)
    })

    test('that is killed while it waits for a heartbeat can be repeated, also for another platform', async () => {
      await killDuring(isHeartbeat)
      const { code, output } = await withTls(undefined, (secure) =>
        attempt(`${secure.replace('bash -s', 'sh -s')} --ca-file /run/ca.pem`),
      )
      expect(output).toContain('The platform accepted a heartbeat')
      expect(code).toBe(0)
      expect((await health()).agent_version).toBe(SECOND)
    })

    test('is undone by the command that uninstalls, also when it was killed', async () => {
      expect((await attempt(uninstallCommand)).code).toBe(0)
      await expectPristine()
      await killDuring(isHeartbeat)
      expect(await listState(machine)).not.toBe(pristine)
      expect((await attempt(uninstallCommand)).code).toBe(0)
      await expectPristine()
    })
  })

  test('without a service and with another prefix prints the command that runs the agent', async () => {
    const { code, output } = await attempt(`${command} --no-service --prefix /opt/rca/agent`)
    expect(code).toBe(0)
    const words = /^Run it as root, and it becomes the user rca-agent: (.+)$/m.exec(output)?.[1]
    expect(words).toBe('/opt/rca/agent/current/bin/rca-agent service run')
    expect(await machine.run('ls /etc/systemd/system')).not.toContain('rca-agent')
    await machine.run(`systemd-run --quiet --unit supervised ${words}`)
    await eventually('the agent answering', health, START_TIMEOUT_MS)
    await machine.run('systemctl stop supervised')
    expect((await attempt(`${uninstallCommand} --prefix /opt/rca/agent`)).code).toBe(0)
    await machine.run('rmdir /opt/rca')
    await expectPristine()
  })
})

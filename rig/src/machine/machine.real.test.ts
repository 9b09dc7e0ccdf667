import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { realDescribe } from '../real.ts'
import { run, START_TIMEOUT_MS } from '../run.ts'
import { type Machine, missingForMachine, startMachine } from './machine.ts'
import { findRoot, type MachineSystem } from './machine-root.ts'

/** A service that appends the time since boot to a file. Started at each boot. */
const UNIT = `[Service]
Type=oneshot
DynamicUser=yes
StateDirectory=probe
ExecStart=/bin/sh -c 'cut -d. -f1 /proc/uptime >>/var/lib/probe/boots'
[Install]
WantedBy=multi-user.target
`

const OPENRC_SCRIPT = `#!/sbin/openrc-run
start() {
  mkdir -p /var/lib/probe
  cut -d. -f1 /proc/uptime >>/var/lib/probe/boots
}
`

interface Expected {
  /** Command of the first process. */
  readonly first: string
  readonly release: string
  /** Installs the service of the standard input. */
  readonly install?: string
  readonly service?: string
}

const SYSTEMD = {
  first: 'systemd',
  install: 'cat >/etc/systemd/system/probe.service && systemctl enable --now probe',
  service: UNIT,
}

const SYSTEMS: readonly [string, MachineSystem, Expected][] = [
  ['bookworm', { suite: 'bookworm' }, { ...SYSTEMD, release: 'bookworm' }],
  ['trixie', { suite: 'trixie' }, { ...SYSTEMD, release: 'trixie' }],
  [
    'OpenRC',
    { init: 'openrc' },
    {
      first: 'init',
      release: 'bookworm',
      install:
        'cat >/etc/init.d/probe && chmod 755 /etc/init.d/probe && rc-update add probe default && rc-service probe start',
      service: OPENRC_SCRIPT,
    },
  ],
  ['a system without init', { init: 'none' }, { first: 'sh', release: 'bookworm' }],
  ['musl', { suite: 'musl' }, { first: 'sh', release: '' }],
]

for (const [name, system, expected] of SYSTEMS) {
  realDescribe(`a machine with ${name}`, await missingForMachine(system), () => {
    let machine: Machine
    let server: Server

    beforeAll(async () => {
      machine = await startMachine(system)
      server = createServer((request, answer) => void answer.end(request.socket.remoteAddress))
      await new Promise<void>((resolve) => server.listen(0, machine.hostAddress, resolve))
    }, START_TIMEOUT_MS)
    afterAll(async () => {
      server?.close()
      await machine?.stop()
    }, START_TIMEOUT_MS)

    /** Returns the address of the machine for a server of this host. */
    const askHost = (): Promise<string> => {
      const { port } = server.address() as AddressInfo
      return machine.run(`curl -fsS http://${machine.hostAddress}:${port}/`)
    }

    test('has processes, a name, a release and a boot of its own', async () => {
      expect(await machine.run('cat /proc/1/comm')).toBe(`${expected.first}\n`)
      expect(await machine.run('cat /proc/sys/kernel/hostname')).toMatch(/^rca-machine-/)
      const release = await machine.run('. /etc/os-release 2>/dev/null; echo $VERSION_CODENAME')
      expect(release.trim()).toBe(expected.release)
      expect(await bootId(machine)).not.toBe(readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'))
      expect(Number(await machine.run('cut -d. -f1 /proc/uptime'))).toBeLessThan(300)
    })

    test('reaches this host and nothing else', async () => {
      expect(await askHost()).toBe(machine.address)
      expect(await machine.run('cat /proc/net/route')).not.toMatch(/^\S+\t00000000\t/m)
    })

    test('passes standard input, and the code and standard error of a command that fails', async () => {
      expect(await machine.run('cat', { input: 'hello' })).toBe('hello')
      await expect(machine.run('echo broken >&2; exit 3')).rejects.toThrow(/ended with 3: broken$/)
    })

    test(
      'keeps its disk and its services over a reboot and a power loss',
      async () => {
        if (expected.install !== undefined) await machine.run(expected.install, { input: expected.service ?? '' })
        const boots = [await bootId(machine)]
        for (const restart of [machine.reboot, machine.kill]) {
          await machine.run('echo kept >>/root/note')
          await restart()
          boots.push(await bootId(machine))
          expect(await askHost()).toBe(machine.address)
        }
        expect(new Set(boots).size).toBe(3)
        expect(await machine.run('cat /root/note')).toBe('kept\nkept\n')
        if (expected.install !== undefined) expect(await machine.run('wc -l </var/lib/probe/boots')).toBe('3\n')
        expect(existsSync(`${findRoot(system)}/root/note`)).toBe(false)
      },
      START_TIMEOUT_MS,
    )

    test('leaves no process, link, control group or file behind', async () => {
      const link = (await run('ip', ['-brief', 'address']))
        .split('\n')
        .find((line) => line.includes(machine.hostAddress))
      const name = link?.split('@')[0] ?? ''
      expect(name).toMatch(/^rca-machine\d+$/)
      const pid = machine
        .words()
        .find((word) => word.startsWith('--target='))
        ?.slice('--target='.length)
      const network = readlinkSync(`/proc/${pid}/ns/net`)
      await machine.stop()
      expect(networksOfProcesses()).not.toContain(network)
      expect(readFileSync('/proc/net/dev', 'utf8')).not.toContain(`${name}:`)
      const groups = await run('find', ['/sys/fs/cgroup', '-maxdepth', '2', '-name', name])
      expect(groups).toBe('')
      expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain('rca-machine-')
    })
  })
}

async function bootId(machine: Machine): Promise<string> {
  return machine.run('cat /proc/sys/kernel/random/boot_id')
}

function networksOfProcesses(): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.map((pid) => {
    try {
      return readlinkSync(`/proc/${pid}/ns/net`)
    } catch {
      return ''
    }
  })
}

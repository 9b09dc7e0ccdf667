import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { attempt } from '../attempt.ts'
import { isAlive, type KnownProcess, knownProcess } from '../processes.ts'
import { realDescribe } from '../real.ts'
import { run, START_TIMEOUT_MS } from '../run.ts'
import { type Machine, missingForMachine, startMachine } from './machine.ts'
import { createLink, removeLink } from './machine-network.ts'
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

/** A network interface, as `ip -json` prints it. */
interface Link {
  readonly ifindex: number
  readonly ifname: string
}

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
      // Each of two boots may take that long.
      2 * START_TIMEOUT_MS,
    )

    // A machine of another test may get the names and the addresses that are free then.
    test('leaves no process, link, control group or file behind', async () => {
      const { ifindex, ifname } = await linkOf(machine)
      expect(ifname).toMatch(/^rca-machine\d+$/)
      const processes = processesOf(machine)
      expect(processes.length).toBeGreaterThan(1)
      const group = (await run('find', ['/sys/fs/cgroup', '-maxdepth', '2', '-name', ifname])).trim()
      const { ino } = statSync(group)
      const name = (await machine.run('cat /proc/sys/kernel/hostname')).trim()
      expect(existsSync(join(tmpdir(), name))).toBe(true)
      await machine.stop()
      expect(processes.filter(isAlive)).toEqual([])
      expect(await indexOf(ifname)).not.toBe(ifindex)
      expect(statSync(group, { throwIfNoEntry: false })?.ino).not.toBe(ino)
      expect(existsSync(join(tmpdir(), name))).toBe(false)
      expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(name)
    })
  })
}

realDescribe('the link of a machine', await missingForMachine({ init: 'none' }), () => {
  test('is removed, but not a later one of the same name', async () => {
    const first = await createLink()
    await removeLink(first)
    expect(await indexOf(first.link)).not.toBe(first.index)
    const later = await createLink()
    await removeLink({ ...later, index: first.index })
    expect(await indexOf(later.link)).toBe(later.index)
    await removeLink(later)
  })
})

async function bootId(machine: Machine): Promise<string> {
  return machine.run('cat /proc/sys/kernel/random/boot_id')
}

/** Returns the host's end of the link of a machine. */
async function linkOf(machine: Machine): Promise<Link> {
  const links = JSON.parse(await run('ip', ['-json', 'address', 'show', 'to', machine.hostAddress])) as Link[]
  expect(links).toHaveLength(1)
  return links[0] as Link
}

/** Returns the number of a link of this host. */
async function indexOf(name: string): Promise<number | undefined> {
  const links = JSON.parse(await run('ip', ['-json', 'link', 'show'])) as Link[]
  return links.find(({ ifname }) => ifname === name)?.ifindex
}

/** Returns the processes in the network namespace of a machine. */
function processesOf(machine: Machine): KnownProcess[] {
  const [target = ''] = machine.words().filter((word) => word.startsWith('--target='))
  const networkOf = (pid: string) => attempt(() => readlinkSync(`/proc/${pid}/ns/net`))
  const network = networkOf(target.slice('--target='.length))
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.filter((pid) => networkOf(pid) === network).map((pid) => knownProcess(Number(pid)))
}

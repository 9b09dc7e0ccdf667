import { setTimeout as sleep } from 'node:timers/promises'
import { eventsOf, testKeyedHash, watchContext } from '@rca/connector-testkit'
import { type Event, excludeNames, type Signals, type Watcher } from '@rca/core/connector'
import { type Machine, missingForMachine, run, START_TIMEOUT_MS, startMachine } from '@rca/rig'
import { realDescribe } from '@rca/rig/real'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { loadHardwareInformation } from '../src/client/client.ts'
import { openLinuxClient } from '../src/client/linux/linux-client.ts'
import { LIST_FAILED_UNITS, parseUnits, showUnits } from '../src/client/linux/systemd.ts'
import { followUnitRuns } from '../src/client/linux/unit-journal.ts'
import type { ServerClient, UnitRun } from '../src/client/server-client.ts'
import { server } from '../src/connector.ts'

/** A watcher sleeps for this long, however long it asks for. */
const SLEEP_MS = 100

/** Polls until an assertion holds. */
const eventually = (check: () => void) => vi.waitFor(check, { timeout: 120_000, interval: 50 })

realDescribe('events of a machine with systemd', await missingForMachine({ suite: 'bookworm' }), () => {
  const ended = new AbortController()
  const emitted: Signals[] = []
  const cursors = new Set<string>()
  let machine: Machine
  let client: ServerClient
  let watchers: Promise<unknown>

  beforeAll(async () => {
    machine = await startMachine({ suite: 'bookworm' })
    let isFollowing = false
    client = openMachine(machine, () => {
      isFollowing = true
    })
    const { watchers: all = {} } = server
    watchers = Promise.allSettled(Object.values(all).map((watcher) => start(watcher)))
    // The journal is followed from some moment on: what happens from then on is reported.
    while (!isFollowing) {
      await machine.run('systemctl restart systemd-tmpfiles-clean.service')
      await sleep(SLEEP_MS)
    }
  }, START_TIMEOUT_MS)
  afterAll(async () => {
    ended.abort()
    await watchers
    client?.close()
    await machine?.stop()
  }, START_TIMEOUT_MS)

  const start = (watcher: Watcher<ServerClient>): Promise<void> =>
    watcher.watch(client, {
      ...watchContext(),
      signal: ended.signal,
      now: () => new Date(),
      emit: (signals) => void emitted.push(signals),
      saveCursor: async (cursor) => void cursors.add(cursor),
      sleep: async () => {
        await sleep(SLEEP_MS, undefined, { signal: ended.signal })
      },
    })

  const events = (id: string): Event[] => eventsOf(emitted).filter(({ entity }) => entity.id === id)

  /** Returns whether a watcher has seen an interface up: it has saved its state. */
  const lookedAt = (name: string): boolean =>
    [...cursors].some((cursor) => new RegExp(`"${name}":\\{(?![^}]*downSince)`).test(cursor))

  const writeUnit = async (name: string, lines: readonly string[]): Promise<void> => {
    await machine.run(`cat >/etc/systemd/system/${name} && systemctl daemon-reload`, { input: lines.join('\n') })
  }

  test(
    'a unit that fails and runs again at once is reported with its log',
    async () => {
      const script = "[ -e /run/ready ] || { echo 'DB_PASSWORD=hunter2 refused'; exit 4; }"
      await writeUnit('once.service', ['[Service]', 'Type=oneshot', `ExecStart=/bin/sh -c "${script}"`])
      await machine.run('! systemctl start once && touch /run/ready && systemctl start once')
      await eventually(() => expect(events('once.service').map(({ name }) => name)).toHaveLength(2))
      const [failed, recovered] = events('once.service')
      expect(failed).toMatchObject({
        name: 'systemd.unit.failed',
        body: 'once.service has failed: its main process exited with 4',
        attributes: { 'process.exit.code': 4, 'systemd.unit.log': expect.stringContaining('DB_PASSWORD=[redacted]') },
      })
      expect(recovered?.name).toBe('systemd.unit.recovered')
    },
    START_TIMEOUT_MS,
  )

  test(
    'a unit that systemd restarts again and again is reported as a loop',
    async () => {
      await writeUnit('loop.service', [
        '[Unit]',
        'StartLimitIntervalSec=0',
        '[Service]',
        'Restart=always',
        'RestartSec=50ms',
        'ExecStart=/bin/sh -c "echo dying; exit 3"',
      ])
      await machine.run('systemctl start loop')
      const loop = () => events('loop.service').find(({ name }) => name === 'systemd.unit.restart_loop')
      await eventually(() => expect(loop()).toBeDefined())
      await machine.run('systemctl stop loop')
      expect(loop()?.attributes['systemd.unit.restart_loop.count']).toBeGreaterThanOrEqual(10)
      expect(loop()?.attributes['systemd.unit.log']).toContain("Failed with result 'exit-code'")
      expect(events('loop.service').slice(0, 4)).toMatchObject(
        Array.from({ length: 4 }, () => ({ name: 'systemd.unit.restarted', severity: 'warning' })),
      )
    },
    START_TIMEOUT_MS,
  )

  test(
    'a filesystem that fills and is emptied is reported, by space and by inodes',
    async () => {
      await machine.run('mkdir /mnt/data && mount -t tmpfs -o size=8m,nr_inodes=1000 data /mnt/data')
      const reported = () => events('/mnt/data').map(({ name, body }) => `${name} ${body.replace(/:.*/, '')}`)
      await machine.run('head -c 8m /dev/zero >/mnt/data/file || true')
      await eventually(() => expect(reported()).toEqual(['filesystem.full /mnt/data (data) is full']))
      await machine.run('rm /mnt/data/file')
      await eventually(() => expect(reported().at(-1)).toBe('filesystem.has_space /mnt/data (data) has space again'))
      await machine.run('mkdir /mnt/data/many && cd /mnt/data/many && ! (seq 2000 | xargs touch) 2>/dev/null')
      await eventually(() => expect(reported().at(-1)).toBe('filesystem.full /mnt/data (data) has run out of inodes'))
      await machine.run('rm -r /mnt/data/many')
      await eventually(() => expect(reported().at(-1)).toBe('filesystem.has_space /mnt/data (data) has inodes again'))
    },
    START_TIMEOUT_MS,
  )

  test(
    'an interface that loses its carrier, is set down and is removed is reported',
    async () => {
      // The machine has no `ip`: that of this host changes its network.
      const ip = (...words: string[]) => run('nsenter', [`--target=${pidOf(machine)}`, '--net', 'ip', 'link', ...words])
      const reported = () => events('uplink').map(({ body }) => body.replace(/ after .*/, ''))
      await ip('add', 'uplink', 'type', 'veth', 'peer', 'name', 'cable')
      await ip('set', 'uplink', 'up')
      await ip('set', 'cable', 'up')
      // The watcher has to see it up first.
      await eventually(() => expect(lookedAt('uplink')).toBe(true))
      await ip('set', 'cable', 'down')
      await eventually(() => expect(reported()).toEqual(['uplink is down: it lost its carrier']))
      await ip('set', 'cable', 'up')
      await eventually(() => expect(reported().at(-1)).toBe('uplink is up again'))
      await ip('set', 'uplink', 'down')
      await eventually(() => expect(reported().at(-1)).toBe('uplink is down: it was set down'))
      await ip('set', 'uplink', 'up')
      await eventually(() => expect(reported().at(-1)).toBe('uplink is up again'))
      await ip('delete', 'uplink')
      await eventually(() => expect(reported().at(-1)).toBe('uplink is down: it was removed'))
    },
    START_TIMEOUT_MS,
  )

  test(
    'a port that closes, an upgraded package and a changed file are reported',
    async () => {
      const reported = (name: string) => eventsOf(emitted).filter((event) => event.name === name)
      // systemd listens for a service that nothing starts.
      await writeUnit('web.service', ['[Service]', 'ExecStart=/bin/true'])
      await writeUnit('web.socket', ['[Socket]', 'ListenStream=127.0.0.1:7777'])
      await machine.run('systemctl start web.socket')
      await eventually(() => expect([...cursors].some((cursor) => cursor.includes('"7777":{"looks":3'))).toBe(true))
      await machine.run('systemctl stop web.socket')
      await eventually(() => expect(reported('host.port_closed')).toHaveLength(1))
      expect(reported('host.port_closed')[0]?.body).toContain('TCP port 7777 anymore (it was systemd, pid 1)')

      const build = 'dpkg-deb --build /tmp/shop /tmp/shop.deb >/dev/null && dpkg --install /tmp/shop.deb'
      const control = (version: string) =>
        `Package: shop\nVersion: ${version}\nArchitecture: all\nMaintainer: shop\nDescription: shop\n`
      for (const version of ['1.0', '1.1']) {
        await machine.run(`mkdir -p /tmp/shop/DEBIAN && cat >/tmp/shop/DEBIAN/control && ${build}`, {
          input: control(version),
        })
        await eventually(() =>
          expect(JSON.stringify(reported('host.packages_changed'))).toContain(version === '1.0' ? 'shop 1.0' : '→ 1.1'),
        )
      }

      const files = () =>
        reported('host.file_changed').filter(({ attributes }) => attributes['file.path'] === '/etc/shop.conf')
      await machine.run('echo pool = 10 >/etc/shop.conf')
      await eventually(() => expect(files().map(({ body }) => body)).toEqual(['/etc/shop.conf was created']))
      await machine.run('chmod 600 /etc/shop.conf')
      await eventually(() => expect(files().at(-1)?.body).toBe('/etc/shop.conf was changed: mode 0644 → 0600'))
    },
    START_TIMEOUT_MS,
  )
})

/** Returns the id of the first process of a machine on this host. */
function pidOf(machine: Machine): string {
  return /--target=(\d+)/.exec(machine.words('true').join(' '))?.[1] ?? ''
}

/**
 * Opens a client that reads the files of a machine, and runs programs in it.
 *
 * @param onRun called for each run of a unit that the journal reports
 */
function openMachine(machine: Machine, onRun: () => void): ServerClient {
  const runProgram = (...words: string[]): Promise<string> => {
    const [program = '', ...more] = machine.words(...words)
    return run(program, more)
  }
  /** Reads the states of units. The uptime is that of the machine's time namespace. */
  const readUnits = async (words: readonly string[]) => {
    const text = await runProgram('systemctl', ...words)
    return parseUnits(text, { date: new Date(), uptime: Number.parseFloat(await machine.run('cat /proc/uptime')) })
  }
  const files = openLinuxClient({
    root: `/proc/${pidOf(machine)}/root`,
    topProcesses: 0,
    crashLogLines: 10,
    wantsInterface: excludeNames(['lo']),
    wantsMount: excludeNames([]),
    loadLibrary: loadHardwareInformation,
    runProgram: (file, words) => runProgram(file, ...words),
    watchedFolders: ['/etc'],
    keyedHash: testKeyedHash,
    certificatePorts: [],
    followUnitRuns: (listener, signal) => {
      const onRecord = (unitRun: UnitRun): void => {
        onRun()
        listener(unitRun)
      }
      return followUnitRuns(onRecord, signal, machine.words('journalctl'))
    },
  })
  return {
    ...files,
    failedUnits: async () => (await readUnits(LIST_FAILED_UNITS)).filter(({ activeState }) => activeState === 'failed'),
    unitStates: (names) => readUnits(showUnits(names)),
  }
}

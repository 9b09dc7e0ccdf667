import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, copyFileSync, mkdtempSync, openSync, renameSync, rmSync, truncateSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { privilegedTest } from '@rca/rig/real'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { openStore } from '../src/store/open-store.ts'
import { DAY, eventOf, metricOf, reportOf, START, startApi, type TestApi } from './kit.ts'

// Disks and processes are slow on a busy machine.
vi.setConfig({ testTimeout: 300_000 })

function createFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rca-api-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

/** Runs code in a second process until the test ends. Resolves when the code has printed a line. */
async function startSecondProcess(code: string, ...args: readonly string[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', code, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return child
}

/** Opens the store whose URL is the first argument of a second process. */
const OPEN_STORE = `import { registerHooks } from 'node:module'
  registerHooks({ resolve: (name, context, next) => next(name, { ...context, conditions: [...context.conditions, '@rca/source'] }) })
  const { openStore } = await import('${new URL('../src/store/open-store.ts', import.meta.url).href}')
  const store = await openStore(process.argv[1]);`

test('a process that is killed under load has stored every report that it acknowledged', async () => {
  const api = await startApi()
  const token = await api.provision()
  await api.close()
  const template = JSON.stringify(reportOf({ metrics: [metricOf(1)] }))
  for (let round = 0; round < 3; round += 1) {
    const child = await startSecondProcess(
      `${OPEN_STORE}
       const sender = await store.access.findToken(process.argv[2])
       const template = JSON.parse(process.argv[3])
       for (let number = 0; number < 16; number += 1) void (async () => {
         for (;;) {
           const report = { ...template, report_id: crypto.randomUUID() }
           await store.signals.write({ kind: 'token', ...sender }, [report], Date.now())
           console.log(report.report_id)
         }
       })()`,
      `sqlite:${api.databasePath}`,
      createHash('sha256').update(token).digest('hex'),
      template,
    )
    let output = ''
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
    await expect.poll(() => output.length, { timeout: 60_000, interval: 1 }).toBeGreaterThan(20_000 * (round + 1))
    child.kill('SIGKILL')
    await once(child, 'close')
    const acknowledged = output.split('\n').slice(0, -1)
    const file = new DatabaseSync(api.databasePath)
    const stored = new Set(
      file
        .prepare('select report_id from reports')
        .all()
        .map((row) => row['report_id']),
    )
    file.close()
    expect(acknowledged.filter((id) => !stored.has(id))).toEqual([])
  }
})

describe('a second API on a database', () => {
  test('is refused with the name of the process, until that one is killed', async () => {
    const path = join(createFolder(), 'rca.sqlite')
    const url = `sqlite:${path}`
    const first = await startSecondProcess(
      `${OPEN_STORE} console.log('open')
       setInterval(() => {}, 1000)`,
      url,
    )
    for (let attempt = 0; attempt < 2; attempt += 1)
      await expect(openStore(url)).rejects.toThrow(
        new RegExp(
          `could not be opened \\(it is in use by process ${first.pid} on \`[^\`]+\` since [-\\dT:]+Z\\)\\. Stop that process`,
        ),
      )
    first.kill('SIGKILL')
    await once(first, 'exit')
    await (await openStore(url)).close()
  })

  test('is refused in the same process too, and allowed after the first has closed', async () => {
    const url = `sqlite:${join(createFolder(), 'rca.sqlite')}`
    const first = await openStore(url)
    await expect(openStore(url)).rejects.toThrow(/in use by process/)
    await expect(openStore(url)).rejects.toThrow(/in use by process/)
    await first.close()
    await (await openStore(url)).close()
  })
})

describe('a lock that another process holds', () => {
  test('delays reports alone: reads and checks go on', async () => {
    const api = await startApi()
    const token = await api.provision()
    const other = await startSecondProcess(
      `import { DatabaseSync } from 'node:sqlite'
       const database = new DatabaseSync(process.argv[1])
       database.exec('begin immediate')
       console.log('locked')
       process.stdin.once('data', () => { database.close(); process.exit() })`,
      api.databasePath,
    )
    const sent = api.send(token, reportOf())
    for (const url of ['/healthz', '/readyz', '/api/v1/agents', '/api/v1/environments', '/api/v1/events'])
      expect((await api.admin(url)).statusCode, url).toBe(200)
    expect((await api.admin('/api/v1/agents')).json().agents).toMatchObject([{ connectivity: 'pending' }])
    other.stdin?.write('go on\n')
    // A machine that is busy may have taken longer than writers wait.
    if ((await sent).statusCode === 503) await once(other, 'exit')
    else expect((await sent).statusCode).toBe(202)
    expect((await api.send(token, reportOf())).statusCode).toBe(202)
  })
})

describe('a database', () => {
  const startWithData = async () => {
    const api = await startApi()
    const token = await api.provision()
    const send = () => api.send(token, reportOf({ metrics: [metricOf(1)] }))
    expect((await send()).statusCode).toBe(202)
    expect((await api.admin('/readyz')).statusCode).toBe(200)
    const expectRefused = async (detail: RegExp) => {
      const ready = await api.admin('/readyz')
      expect([ready.statusCode, ready.json().detail]).toEqual([503, expect.stringMatching(detail)])
      const sent = await send()
      expect([sent.statusCode, sent.json().detail]).toEqual([503, expect.stringMatching(detail)])
      expect(Number(sent.headers['retry-after'])).toBeGreaterThan(0)
      expect((await api.heartbeat(token)).statusCode).toBe(503)
      expect((await api.admin('/healthz')).statusCode).toBe(200)
    }
    return { api, send, expectRefused }
  }

  test.each(['', '-wal', '-shm'])('whose file `rca.sqlite%s` is deleted accepts nothing more', async (suffix) => {
    const { api, expectRefused } = await startWithData()
    rmSync(api.databasePath + suffix)
    await expectRefused(/deleted or replaced/)
  })

  test('that is replaced by another file accepts nothing more', async () => {
    const { api, expectRefused } = await startWithData()
    const copy = `${api.databasePath}-copy`
    copyFileSync(api.databasePath, copy)
    renameSync(copy, api.databasePath)
    await expectRefused(/deleted or replaced/)
  })

  test('that is truncated accepts nothing more', async () => {
    const { api, expectRefused } = await startWithData()
    await api.applyRetention()
    expect((await api.admin('/readyz')).statusCode).toBe(200)
    truncateSync(api.databasePath, 8192)
    await expectRefused(/damaged/)
  })

  test('that is deleted during a transaction does not acknowledge it', async () => {
    const { api, send } = await startWithData()
    const results = [send(), send()]
    rmSync(api.databasePath)
    expect((await Promise.all(results)).map(({ statusCode }) => statusCode)).toEqual([503, 503])
  })

  test('with damaged pages accepts nothing more once they are read, with a sentence', async () => {
    const path = join(createFolder(), 'rca.sqlite')
    const first = await startApi({ databaseUrl: `sqlite:${path}` })
    const token = await first.provision()
    for (let sequence = 0; sequence < 3; sequence += 1)
      await first.send(
        token,
        reportOf({ events: Array.from({ length: 300 }, (_, id) => eventOf({ id: `${sequence} ${id}` })) }),
      )
    await first.close()
    const database = new DatabaseSync(path)
    const { rootpage } = database.prepare("select rootpage from sqlite_schema where name = 'events'").get() ?? {}
    database.close()
    const file = openSync(path, 'r+')
    writeSync(file, Buffer.alloc(4096, 0xa5), 0, 4096, (Number(rootpage) - 1) * 4096)
    closeSync(file)
    const api = await startApi({ databaseUrl: `sqlite:${path}` })
    const answer = await api.admin('/api/v1/events')
    expect([answer.statusCode, answer.json().detail]).toEqual([503, expect.stringMatching(/damaged.*restore a backup/)])
    expect((await api.admin('/readyz')).json().detail).toMatch(/damaged/)
    expect((await api.send(token, reportOf())).statusCode).toBe(503)
  })
})

/** Runs a test with a disk of 16 MiB, which needs the privileges to mount one. */
const canMount = spawnSync('unshare', ['--mount', 'true']).status === 0

describe('a full disk', () => {
  privilegedTest(
    'refuses reports, and accepts them again after the retention, also when the API starts on it',
    canMount,
    async () => {
      const folder = createFolder()
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'rca-test', folder])
      onTestFinished(() => void execFileSync('umount', ['--lazy', folder]))
      const databaseUrl = `sqlite:${join(folder, 'rca.sqlite')}`
      const api = await startApi({ databaseUrl, retention: '1d' })
      const token = await api.provision()
      const body = 'x'.repeat(30_000)
      const send = (to: TestApi, sequence: number) =>
        to.send(
          token,
          reportOf(
            { events: Array.from({ length: 20 }, (_, id) => eventOf({ id: `${sequence} ${id}`, body })) },
            { sequence, timestamp: new Date(to.clock.now).toISOString() },
          ),
        )
      const fill = join(folder, 'fill')
      await send(api, 0)
      for (let sequence = 1; sequence < 9; sequence += 1) expect((await send(api, sequence)).statusCode).toBe(202)
      await api.close()
      fillDisk(fill)

      const again = await startApi({ databaseUrl, retention: '1d' })
      expect((await again.admin('/readyz')).json().detail).toMatch(/disk of the database is full/)
      expect(await again.list('/api/v1/events?limit=1000')).toHaveLength(180)
      const refused = await send(again, 10)
      expect([refused.statusCode, refused.json().detail]).toEqual([503, expect.stringMatching(/full/)])
      again.clock.now = START + 3 * DAY
      // The data is older than the newest report by more than the retention.
      const database = new DatabaseSync(join(folder, 'rca.sqlite'))
      database.exec(`update agents set last_report_at = ${again.clock.now}`)
      database.close()
      await again.applyRetention()
      expect((await again.admin('/api/v1/events')).json().events).toEqual([])
      expect((await again.admin('/readyz')).statusCode).toBe(200)
      expect((await send(again, 11)).statusCode).toBe(202)

      fillDisk(fill)
      const statuses: number[] = []
      for (let sequence = 12; sequence < 40 && statuses.at(-1) !== 503; sequence += 1)
        statuses.push((await send(again, sequence)).statusCode)
      expect(statuses.at(-1)).toBe(503)
      expect((await again.admin('/readyz')).statusCode).toBe(503)
      expect((await again.admin('/api/v1/events?limit=1')).statusCode).toBe(200)
      rmSync(fill)
      expect((await send(again, 41)).statusCode).toBe(202)
      expect((await again.admin('/readyz')).statusCode).toBe(200)
    },
  )
})

/** Fills a disk with one more file. */
function fillDisk(path: string): void {
  spawnSync('dd', ['if=/dev/zero', `of=${path}`, 'bs=64k', 'oflag=append', 'conv=notrunc'], { stdio: 'ignore' })
}

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openStore } from '../src/store/open-store.ts'
import { reportOf, startApi } from './kit.ts'

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

describe('a second API on a database', () => {
  test('is refused with the name of the process, until that one is killed', async () => {
    const path = join(createFolder(), 'rca.sqlite')
    const url = `sqlite:${path}`
    const openStoreUrl = new URL('../src/store/open-store.ts', import.meta.url).href
    const first = await startSecondProcess(
      `import { registerHooks } from 'node:module'
       registerHooks({ resolve: (name, context, next) => next(name, { ...context, conditions: [...context.conditions, '@rca/source'] }) })
       await (await import(process.argv[1])).openStore(process.argv[2])
       console.log('open')
       setInterval(() => {}, 1000)`,
      openStoreUrl,
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

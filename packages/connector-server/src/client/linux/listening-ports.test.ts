import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { fixtureRoot, openFixture } from '../../../test/fixture-root.ts'

const HEADING = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n'
const listening = (port: number) =>
  `   0: 0100007F:${port.toString(16).toUpperCase()} 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 ${port} 1 0 100 0 0 10 0\n`

test('reads the tables when the number of sockets has changed, else at every third call', async () => {
  const root = fixtureRoot()
  root.write('proc/1/net/tcp6', HEADING)
  root.write('proc/1/net/sockstat6', 'TCP6: inuse 0\n')
  const client = openFixture(root)
  const show = (count: number, ...ports: number[]): void => {
    root.write('proc/1/net/sockstat', `sockets: used 13\nTCP: inuse ${count} orphan 0 tw 0 alloc 1 mem 0\n`)
    root.write('proc/1/net/tcp', `${HEADING}${ports.map(listening).join('')}`)
  }
  const ports = async () => (await client.listeningPorts())?.map(({ port }) => port)

  show(1, 8080)
  expect(await ports()).toEqual([8080])
  show(2, 8080, 9090)
  expect(await ports()).toEqual([8080, 9090])
  show(2, 8080, 7070)
  expect([await ports(), await ports()]).toEqual([
    [8080, 9090],
    [8080, 9090],
  ])
  expect(await ports()).toEqual([8080, 7070])
})

test('looks for the process of a port when it is needed, and keeps it', async () => {
  const root = fixtureRoot()
  root.write('proc/1/net/tcp6', HEADING)
  root.write('proc/1/net/tcp', `${HEADING}${listening(8080)}${listening(9090)}`)
  for (const [pid, port] of [
    [11, 8080],
    [12, 9090],
  ]) {
    root.write(`proc/${pid}/comm`, `program-${port}\n`)
    root.write(`proc/${pid}/fd/.keep`, '')
    symlinkSync(`socket:[${port}]`, join(root.path, `proc/${pid}/fd/3`))
  }
  const client = openFixture(root)
  const names = async (needsProcess?: (port: number) => boolean) =>
    (await client.listeningPorts(needsProcess))?.map(({ process }) => process?.name)

  expect(await names(() => false)).toEqual([undefined, undefined])
  expect(await names((port) => port === 9090)).toEqual([undefined, 'program-9090'])
  root.write('proc/12/comm', 'other\n')
  expect(await names()).toEqual(['program-8080', 'program-9090'])
})

test('reads all listening sockets when many more listen than before', async () => {
  const root = fixtureRoot()
  root.write('proc/1/net/tcp6', HEADING)
  const client = openFixture(root)
  const ports = Array.from({ length: 300 }, (_, index) => 1000 + index)
  for (const count of [1, 300, 2]) {
    root.write('proc/1/net/tcp', `${HEADING}${ports.slice(0, count).map(listening).join('')}`)
    expect((await client.listeningPorts())?.map(({ port }) => port)).toEqual(ports.slice(0, count))
  }
})

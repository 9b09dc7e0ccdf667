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

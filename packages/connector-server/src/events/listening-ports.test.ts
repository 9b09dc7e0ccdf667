import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { idle, runWatcher, watchContext } from '@rca/connector-testkit'
import { describe, expect, test } from 'vitest'
import { fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import { listeningPorts } from './listening-ports.ts'

const HEADING = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n'
const line = (local: string, state: string, inode: number) =>
  `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000   101        0 ${inode} 1 0000000000000000 100 0 0 10 0\n`
/** A socket that listens on 127.0.0.1:8080, one on [::1]:5432, and a connection. */
const http = line('0100007F:1F90', '0A', 501)
const database = line('00000000000000000000000001000000:1538', '0A', 502)
const connection = line('0100007F:1F90', '01', 503)

/** Runs the watcher over the tables of sockets at each look. */
async function watch(looks: { tcp?: string; tcp6?: string }[], cursor?: string) {
  const root = fixtureRoot()
  root.write('proc/5611/comm', 'httpd\n')
  root.write('proc/5611/fd/.keep', '')
  symlinkSync('socket:[501]', join(root.path, 'proc/5611/fd/3'))
  const show = ({ tcp = '', tcp6 = '' }: { tcp?: string; tcp6?: string }): void => {
    root.write('proc/1/net/tcp', `${HEADING}${tcp}`)
    root.write('proc/1/net/tcp6', `${HEADING}${tcp6}`)
  }
  const [first = {}, ...others] = looks
  show(first)
  const context = watchContext({ steps: [...others.map((look) => () => show(look)), idle], cursor })
  await runWatcher(listeningPorts, openFixture(root), context)
  return context
}

describe('listeningPorts', () => {
  test('reports a port on which no program listens anymore with its process, and one again', async () => {
    const context = await watch([
      { tcp: http + connection, tcp6: database },
      { tcp: connection, tcp6: database },
      { tcp: http },
    ])
    expect(context.events()).toMatchObject([
      {
        name: 'host.port_closed',
        severity: 'warning',
        body: expect.stringMatching(/listens on TCP port 8080 anymore \(it was httpd, pid 5611\)$/),
        attributes: {
          'network.local.port': 8080,
          'network.local.addresses': ['127.0.0.1'],
          'network.transport': 'tcp',
          'process.executable.name': 'httpd',
          'server.port.user.id': '101',
        },
      },
      { name: 'host.port_opened', body: expect.stringMatching(/^httpd \(pid 5611\) listens .* again after 10 s$/) },
      { name: 'host.port_closed', attributes: { 'network.local.port': 5432, 'network.local.addresses': ['::1'] } },
    ])
  })

  test('does not report a port that was open for a moment', async () => {
    expect((await watch([{}, { tcp: http }, { tcp: http }, {}, {}])).events()).toEqual([])
    expect((await watch([{}, { tcp: http }, { tcp: http }, { tcp: http }, {}])).events()).toHaveLength(1)
  })

  test('reports a port that closed while the agent did not run, and not twice', async () => {
    const { cursors } = await watch([{ tcp: http }])
    const after = await watch([{}, {}], cursors.at(-1))
    expect(after.events()).toHaveLength(1)
    expect((await watch([{}], after.cursors.at(-1))).events()).toEqual([])
  })

  test('reads listening sockets only up to the first connection', async () => {
    const table = http + connection.repeat(2_000) + line('0100007F:1F91', '0A', 504)
    const context = await watch([{ tcp: table }])
    expect(Object.keys(JSON.parse(context.cursors.at(-1) ?? '{}'))).toEqual(['8080'])
  })
})

import { collectContext, pointsOf } from '@rca/connector-testkit'
import { expect, test } from 'vitest'
import { fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import { kernel } from './kernel.ts'

const collect = (root = fixtureRoot()) => kernel.collect(openFixture(root), collectContext())

test('kernel reports connections, file handles and threads with their limits', async () => {
  const root = fixtureRoot()
  root.write('proc/1/net/snmp', 'Tcp: RtoMin CurrEstab OutSegs RetransSegs\nTcp: 200 17 5000 42\nUdp: In\nUdp: 1\n')
  root.write(
    'proc/1/net/netstat',
    'TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 0 3 4\nIpExt: A\nIpExt: 1\n',
  )
  root.write('proc/sys/net/netfilter/nf_conntrack_count', '250000\n')
  root.write('proc/sys/net/netfilter/nf_conntrack_max', '262144\n')
  root.write('proc/sys/fs/file-nr', '1504\t0\t9223372036854775807\n')
  root.write('proc/sys/kernel/threads-max', '63704\n')
  root.write('proc/sys/kernel/pid_max', '32768\n')
  root.write('proc/loadavg', '0.15 0.20 0.18 1/245 5613\n')
  expect(pointsOf(await collect(root))).toEqual({
    'system.network.connection.count{transport=tcp,state=established}': 17,
    'server.tcp.segment.sent{}': 5000,
    'server.tcp.segment.retransmitted{}': 42,
    'server.tcp.listen.overflow.count{}': 3,
    'server.tcp.listen.drop.count{}': 4,
    'system.network.conntrack.count{}': 250_000,
    'system.network.conntrack.max{}': 262_144,
    // No limit: the kernel prints the largest number that it has.
    'server.file_handle.usage{}': 1504,
    'system.thread.usage{}': 245,
    'system.thread.limit{}': 32_768,
  })
})

test('kernel leaves out what a kernel does not have', async () => {
  const root = fixtureRoot()
  root.write('proc/loadavg', '0.15 0.20 0.18\n')
  expect(pointsOf(await collect(root))).toEqual({})
})

import type { Collector } from '@rca/core/connector'
import type { ServerClient } from '../client/server-client.ts'
import { counter, upDownCounter } from '../metrics.ts'

export const kernelSignals = {
  tcpConnections: upDownCounter(
    'system.network.connection.count',
    '{connection}',
    'Established TCP connections, also those that wait to be closed by this host (`CLOSE_WAIT`).',
    { 'network.transport': '`tcp`.', 'network.connection.state': '`established`.' },
  ),
  tcpSegmentsSent: counter('server.tcp.segment.sent', '{segment}', 'TCP segments sent, without retransmitted ones.'),
  tcpSegmentsRetransmitted: counter(
    'server.tcp.segment.retransmitted',
    '{segment}',
    'TCP segments that were sent again, because the other side did not acknowledge them.',
  ),
  tcpListenOverflows: counter(
    'server.tcp.listen.overflow.count',
    '{connection}',
    'Connections that were refused or delayed, because a program did not accept them fast enough.',
  ),
  tcpListenDrops: counter(
    'server.tcp.listen.drop.count',
    '{connection}',
    'Connections dropped by listening sockets for any reason, with overflows.',
  ),
  conntrackCount: upDownCounter(
    'system.network.conntrack.count',
    '{entry}',
    'Connections that the firewall tracks. Absent without connection tracking.',
  ),
  conntrackMax: upDownCounter(
    'system.network.conntrack.max',
    '{entry}',
    'Connections that the firewall can track. It drops the packets of others.',
  ),
  fileHandleUsage: upDownCounter('server.file_handle.usage', '{handle}', 'File handles that the kernel has allocated.'),
  fileHandleLimit: upDownCounter('server.file_handle.limit', '{handle}', 'File handles that the kernel can allocate.'),
  threadUsage: upDownCounter('system.thread.usage', '{thread}', 'Threads of all processes.'),
  threadLimit: upDownCounter(
    'system.thread.limit',
    '{thread}',
    'Threads that can exist: the smaller of the limits `threads-max` and `pid_max`.',
  ),
}

/** Tables of the kernel that run full: connections, file handles, threads. Empty on other systems than Linux. */
export const kernel: Collector<ServerClient> = {
  interval: '30s',
  async collect(client) {
    const resources = await client.kernelResources()
    if (resources === undefined) return {}
    const { tcp, trackedConnections, fileHandles, threads } = resources
    const { entity } = client.machine
    const established = { 'network.transport': 'tcp', 'network.connection.state': 'established' }
    return {
      metrics: [
        kernelSignals.tcpConnections.point(tcp.established, entity, established),
        kernelSignals.tcpSegmentsSent.point(tcp.segmentsSent, entity),
        kernelSignals.tcpSegmentsRetransmitted.point(tcp.segmentsRetransmitted, entity),
        kernelSignals.tcpListenOverflows.point(tcp.listenOverflows, entity),
        kernelSignals.tcpListenDrops.point(tcp.listenDrops, entity),
        kernelSignals.conntrackCount.point(trackedConnections.used, entity),
        kernelSignals.conntrackMax.point(trackedConnections.limit, entity),
        kernelSignals.fileHandleUsage.point(fileHandles.used, entity),
        kernelSignals.fileHandleLimit.point(fileHandles.limit, entity),
        kernelSignals.threadUsage.point(threads.used, entity),
        kernelSignals.threadLimit.point(threads.limit, entity),
      ],
    }
  },
}

import type { KernelResources, ResourceUsage } from '../server-client.ts'
import { kernelNumber, numberAfter } from './kernel-number.ts'
import type { RootReader } from './root-reader.ts'

/**
 * Reads the tables of the kernel whose limits new connections, files and threads need.
 *
 * @param networkDirectory `net` below the `/proc` of a process in the host's network namespace
 */
export function readKernelResources(reader: RootReader, networkDirectory: string): KernelResources {
  const tcp = parseCounters(reader.optionalText(`${networkDirectory}/snmp`) ?? '', 'Tcp')
  const tcpExtensions = parseCounters(reader.optionalText(`${networkDirectory}/netstat`) ?? '', 'TcpExt')
  const number = (file: string): number | undefined => kernelNumber(reader.optionalText(file) ?? '')
  return {
    tcp: {
      established: tcp('CurrEstab'),
      segmentsSent: tcp('OutSegs'),
      segmentsRetransmitted: tcp('RetransSegs'),
      listenOverflows: tcpExtensions('ListenOverflows'),
      listenDrops: tcpExtensions('ListenDrops'),
    },
    trackedConnections: {
      used: number('proc/sys/net/netfilter/nf_conntrack_count'),
      limit: number('proc/sys/net/netfilter/nf_conntrack_max'),
    },
    fileHandles: parseFileHandles(reader.optionalText('proc/sys/fs/file-nr') ?? ''),
    threads: {
      used: numberAfter(reader.optionalText('proc/loadavg') ?? '', '/'),
      limit: smallest(number('proc/sys/kernel/threads-max'), number('proc/sys/kernel/pid_max')),
    },
  }
}

/**
 * Parses a pair of lines of `/proc/net/snmp` or `/proc/net/netstat`: the names of counters, and their values. Returns a
 * function that parses the value of a counter: most of them are not used.
 */
function parseCounters(text: string, protocol: string): (name: string) => number | undefined {
  const [names = [], values = []] = text
    .split('\n')
    .filter((line) => line.startsWith(`${protocol}: `))
    .map((line) => line.split(' '))
  return (name) => kernelNumber(values[names.indexOf(name)] ?? '')
}

/** Parses `/proc/sys/fs/file-nr`: allocated, unused (always 0 since Linux 2.6), limit. */
function parseFileHandles(text: string): ResourceUsage {
  const [used = '', , limit = ''] = text.trim().split(/\s+/)
  return { used: kernelNumber(used), limit: kernelNumber(limit) }
}

function smallest(...numbers: readonly (number | undefined)[]): number | undefined {
  const known = numbers.filter((number) => number !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}

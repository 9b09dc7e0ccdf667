/** A running pod, with the parts that its kubelet measures. */
export interface MeasuredPod {
  readonly name: string
  readonly namespace: string
  readonly uid: string
  readonly containers: readonly string[]
  readonly volumes: readonly string[]
}

const DISK = { capacityBytes: 107_361_579_008, inodes: 52_428_288 }

/** System containers: groups of processes that a kubelet measures separately. */
const SYSTEM = ['kubelet', 'runtime', 'pods']

/**
 * Returns the answer of a kubelet 1.20 to `stats/summary`, with all fields of a real one. Numbers differ between
 * pods and change over time. The JSON is indented by one space, as that of kubelets.
 */
export function summaryText(node: string, pods: readonly MeasuredPod[], now: Date): string {
  const summary = { node: nodeStats(node, pods, now), pods: pods.map((pod) => podStats(pod, now)) }
  return JSON.stringify(summary, null, 1)
}

function nodeStats(node: string, pods: readonly MeasuredPod[], now: Date): object {
  const [time, size] = [timeText(now), seedOf(node)]
  return {
    nodeName: node,
    systemContainers: SYSTEM.map((name) => ({
      name,
      startTime: STARTED,
      cpu: cpuStats(seedOf(name), now),
      memory: { availableBytes: 25_273_049_088, ...memoryStats(seedOf(name), now) },
    })),
    startTime: STARTED,
    cpu: cpuStats(size, now),
    memory: { availableBytes: 23_482_916_864, ...memoryStats(size, now) },
    network: {
      time,
      ...interfaceStats('eth0', size, now),
      // A node has one end of every pod's veth pair.
      interfaces: [interfaceStats('eth0', size, now), ...pods.map(({ uid }) => vethStats(uid, now))],
    },
    fs: filesystemStats(size, now, true),
    runtime: { imageFs: filesystemStats(size + 1, now) },
    rlimit: { time, maxpid: 32_768, curproc: 248 + (size % 100) },
  }
}

function podStats({ name, namespace, uid, containers, volumes }: MeasuredPod, now: Date): object {
  const size = seedOf(uid)
  const network = interfaceStats('eth0', size, now)
  const isLogging = size % 2 === 0
  return {
    podRef: { name, namespace, uid },
    startTime: STARTED,
    containers: containers.map((container) => ({
      name: container,
      startTime: STARTED,
      cpu: cpuStats(size + container.length, now),
      memory: { ...memoryStats(size + container.length, now), availableBytes: 66_228_224 + (size % 1_000_000) },
      rootfs: filesystemStats(size, now),
      logs: filesystemStats(size + 1, now, isLogging),
    })),
    cpu: cpuStats(size, now),
    memory: memoryStats(size, now),
    network: { time: timeText(now), ...network, interfaces: [network] },
    volume: volumes.map((volume) => ({ ...filesystemStats(size % 4096, now), name: volume })),
    'ephemeral-storage': filesystemStats(size, now, isLogging),
    process_stats: { process_count: 1 + (size % 30) },
  }
}

const STARTED = '2026-01-05T02:18:38Z'

function cpuStats(size: number, now: Date): object {
  const nanoCores = (size % 400_000_000) + moving(size, now, 50_000_000)
  const seconds = (now.getTime() - Date.parse(STARTED)) / 1000
  return {
    time: timeText(now),
    usageNanoCores: nanoCores,
    usageCoreNanoSeconds: Math.round((size % 400_000_000) * seconds) + moving(size, now, 1_000_000),
  }
}

function memoryStats(size: number, now: Date): object {
  const workingSetBytes = 20_000_000 + (size % 900_000_000) + 4096 * moving(size, now, 500)
  return {
    time: timeText(now),
    usageBytes: workingSetBytes + 21_700_608,
    workingSetBytes,
    rssBytes: workingSetBytes - 4_096_000,
    pageFaults: 920 + (size % 100_000),
    majorPageFaults: size % 3,
  }
}

/** Returns usage that grows over time if `isWritten`. Half of the pods write logs. */
function filesystemStats(size: number, now: Date, isWritten = false): object {
  const usedBytes = 12_288 + (size % 8192) * 4096 + (isWritten ? 4096 * moving(size, now, 1000) : 0)
  const inodesUsed = 5 + (size % 20)
  return {
    time: timeText(now),
    availableBytes: DISK.capacityBytes - usedBytes - 29_261_250_560,
    capacityBytes: DISK.capacityBytes,
    usedBytes,
    inodesFree: DISK.inodes - inodesUsed,
    inodes: DISK.inodes,
    inodesUsed,
  }
}

function interfaceStats(name: string, size: number, now: Date): object {
  const passed = Math.floor((now.getTime() - Date.parse(STARTED)) / 1000)
  const rxBytes = passed * (size % 3000)
  return { name, rxBytes, rxErrors: 0, txBytes: Math.floor(rxBytes / 3), txErrors: 0 }
}

function vethStats(uid: string, now: Date): object {
  return interfaceStats(`veth${uid.slice(0, 8)}`, seedOf(uid), now)
}

/** Returns a number below `range` that changes every second. */
function moving(size: number, now: Date, range: number): number {
  const seconds = Math.floor(now.getTime() / 1000)
  return ((seconds * 7919 + size) % 10_007) % range
}

function seedOf(text: string): number {
  let seed = 0
  for (let at = 0; at < text.length; at += 1) seed = (seed * 31 + text.charCodeAt(at)) % 1_000_000_007
  return seed
}

function timeText(time: Date): string {
  return time.toISOString().replace(/\.\d+/, '')
}

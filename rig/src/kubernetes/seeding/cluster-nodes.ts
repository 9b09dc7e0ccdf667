import type { ApiConnection } from './api-connection.ts'

const TYPES = [
  { name: 'm5.2xlarge', cpu: 8, memory: 32 },
  { name: 'm5.4xlarge', cpu: 16, memory: 64 },
  { name: 'r5.2xlarge', cpu: 8, memory: 64 },
  { name: 'c5.4xlarge', cpu: 16, memory: 32 },
] as const

const CREATED = '2025-01-01T00:00:00Z'

export function nodeName(index: number): string {
  return `ip-10-0-${index >> 8}-${index & 255}.internal`
}

/** Returns the address of a node: a loopback address of its own, at which this machine can answer for its kubelet. */
function nodeAddress(index: number): string {
  return `127.10.${index >> 8}.${index & 255}`
}

/** Creates a node with its status, as a cloud does. In every fifty, one is not ready and one lacks memory. */
export async function createNode(api: ApiConnection, index: number): Promise<void> {
  const name = nodeName(index)
  const type = TYPES[index % TYPES.length] ?? TYPES[0]
  const zone = `us-east-1${'abc'[index % 3]}`
  await api.post(
    '/api/v1/nodes',
    {
      metadata: {
        name,
        labels: {
          'kubernetes.io/hostname': name,
          'kubernetes.io/os': 'linux',
          'kubernetes.io/arch': 'amd64',
          'node.kubernetes.io/instance-type': type.name,
          'topology.kubernetes.io/zone': zone,
          'topology.kubernetes.io/region': 'us-east-1',
        },
        annotations: {
          'node.alpha.kubernetes.io/ttl': '15',
          'volumes.kubernetes.io/controller-managed-attach-detach': 'true',
        },
      },
      spec: {
        providerID: `aws:///${zone}/i-${(0x0a000000000 + index).toString(16)}`,
        podCIDR: `10.${100 + (index >> 8)}.${index & 255}.0/24`,
      },
    },
    'kubelet',
  )
  await api.patch(`/api/v1/nodes/${name}/status`, { status: statusOf(index, name, type) }, 'kubelet')
}

function statusOf(index: number, name: string, type: (typeof TYPES)[number]): object {
  const isReady = index % 50 !== 7
  const isShort = index % 50 === 13
  const condition = (kind: string, status: string, reason: string) => ({
    type: kind,
    status,
    reason,
    message: `kubelet: ${reason}`,
    lastHeartbeatTime: CREATED,
    lastTransitionTime: CREATED,
  })
  const capacity = { cpu: String(type.cpu), memory: `${type.memory}Gi`, pods: '58', 'ephemeral-storage': '104845292Ki' }
  return {
    capacity,
    allocatable: { ...capacity, cpu: `${type.cpu * 1000 - 90}m` },
    conditions: [
      isShort
        ? condition('MemoryPressure', 'True', 'KubeletHasInsufficientMemory')
        : condition('MemoryPressure', 'False', 'KubeletHasSufficientMemory'),
      condition('DiskPressure', 'False', 'KubeletHasNoDiskPressure'),
      condition('PIDPressure', 'False', 'KubeletHasSufficientPID'),
      isReady ? condition('Ready', 'True', 'KubeletReady') : condition('Ready', 'Unknown', 'NodeStatusUnknown'),
    ],
    addresses: [
      { type: 'InternalIP', address: nodeAddress(index) },
      { type: 'Hostname', address: name },
    ],
    // This port refuses connections until `startKubelets` sets another one.
    daemonEndpoints: { kubeletEndpoint: { Port: 1 } },
    nodeInfo: {
      machineID: name,
      systemUUID: name,
      bootID: name,
      kernelVersion: '5.10.186-179.751.amzn2.x86_64',
      osImage: 'Amazon Linux 2',
      containerRuntimeVersion: 'containerd://1.6.19',
      kubeletVersion: 'v1.20.2',
      kubeProxyVersion: 'v1.20.2',
      operatingSystem: 'linux',
      architecture: 'amd64',
    },
    images: Array.from({ length: 20 }, (_, image) => ({
      names: [`registry.example.test/app-${image}@sha256:${String(image).padStart(64, '0')}`],
      sizeBytes: 50_000_000 + image * 1_000_000,
    })),
  }
}

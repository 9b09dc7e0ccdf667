import type { CheckDefinition } from '../subject.ts'

/** A `sum` only grows, as a counter does. A `state` is a current value: a gauge, or an up-down counter. */
type Convention = readonly [unit: string, kind: 'sum' | 'state']

/**
 * Metrics of the OpenTelemetry semantic conventions (opentelemetry.io/docs/specs/semconv) with their unit. Whether a
 * current value is a gauge or an up-down counter differs between their versions, and is not compared.
 */
const CONVENTIONS: Readonly<Record<string, Convention>> = {
  'system.uptime': ['s', 'state'],
  'system.cpu.time': ['s', 'sum'],
  'system.cpu.utilization': ['1', 'state'],
  'system.cpu.physical.count': ['{cpu}', 'state'],
  'system.cpu.logical.count': ['{cpu}', 'state'],
  'system.memory.usage': ['By', 'state'],
  'system.memory.limit': ['By', 'state'],
  'system.memory.utilization': ['1', 'state'],
  'system.paging.usage': ['By', 'state'],
  'system.paging.utilization': ['1', 'state'],
  'system.paging.faults': ['{fault}', 'sum'],
  'system.paging.operations': ['{operation}', 'sum'],
  'system.disk.io': ['By', 'sum'],
  'system.disk.operations': ['{operation}', 'sum'],
  'system.disk.io_time': ['s', 'sum'],
  'system.disk.operation_time': ['s', 'sum'],
  'system.disk.merged': ['{operation}', 'sum'],
  'system.disk.limit': ['By', 'state'],
  'system.filesystem.usage': ['By', 'state'],
  'system.filesystem.utilization': ['1', 'state'],
  'system.filesystem.limit': ['By', 'state'],
  'system.network.io': ['By', 'sum'],
  'system.network.errors': ['{error}', 'sum'],
  'system.network.packet.count': ['{packet}', 'sum'],
  'system.network.packet.dropped': ['{packet}', 'sum'],
  'system.network.connection.count': ['{connection}', 'state'],
  'system.process.count': ['{process}', 'state'],
  'system.process.created': ['{process}', 'sum'],
  'process.cpu.time': ['s', 'sum'],
  'process.cpu.utilization': ['1', 'state'],
  'process.memory.usage': ['By', 'state'],
  'process.memory.virtual': ['By', 'state'],
  'process.disk.io': ['By', 'sum'],
  'process.network.io': ['By', 'sum'],
  'process.thread.count': ['{thread}', 'state'],
  'process.uptime': ['s', 'state'],
  'container.uptime': ['s', 'state'],
  'container.cpu.time': ['s', 'sum'],
  'container.cpu.usage': ['{cpu}', 'state'],
  'container.disk.io': ['By', 'sum'],
  'container.network.io': ['By', 'sum'],
  ...Object.fromEntries(
    ['node', 'pod'].flatMap((kind): [string, Convention][] => [
      [`k8s.${kind}.uptime`, ['s', 'state']],
      [`k8s.${kind}.cpu.time`, ['s', 'sum']],
      [`k8s.${kind}.cpu.usage`, ['{cpu}', 'state']],
      [`k8s.${kind}.memory.usage`, ['By', 'state']],
      [`k8s.${kind}.memory.working_set`, ['By', 'state']],
      [`k8s.${kind}.network.io`, ['By', 'sum']],
      [`k8s.${kind}.network.errors`, ['{error}', 'sum']],
      [`k8s.${kind}.filesystem.usage`, ['By', 'state']],
    ]),
  ),
  ...Object.fromEntries(
    ['desired', 'available'].map((state): [string, Convention] => [`k8s.deployment.pod.${state}`, ['{pod}', 'state']]),
  ),
  'faas.invocations': ['{invocation}', 'sum'],
  'faas.errors': ['{error}', 'sum'],
  'faas.timeouts': ['{timeout}', 'sum'],
  'faas.coldstarts': ['{coldstart}', 'sum'],
  'db.client.connection.count': ['{connection}', 'state'],
  'db.client.connection.max': ['{connection}', 'state'],
  'http.server.active_requests': ['{request}', 'state'],
  'messaging.client.consumed.messages': ['{message}', 'sum'],
  'messaging.client.sent.messages': ['{message}', 'sum'],
}

/** Checks against the conventions for names. */
export const conventionChecks: readonly CheckDefinition[] = [
  {
    id: 'SIG-semconv',
    title: 'gives metrics of OpenTelemetry the unit and the kind that they have there',
    reason: 'Dashboards and queries for the name expect them: bytes that are taken for mebibytes are a wrong value.',
    severity: 'error',
    remedy: 'Convert the value, or use a name of your own, such as `acme.queue.memory`.',
    find: ({ connector }) =>
      Object.values(connector.signals).flatMap((declared) => {
        const convention = declared.signal === 'metric' ? CONVENTIONS[declared.name] : undefined
        if (declared.signal !== 'metric' || convention === undefined) return []
        const [unit, kind] = convention
        const own = declared.kind === 'counter' ? 'sum' : 'state'
        return [
          ...(declared.unit === unit
            ? []
            : [`\`${declared.name}\` has the unit \`${declared.unit}\`, not \`${unit}\``]),
          ...(own === kind
            ? []
            : [`\`${declared.name}\` must ${kind === 'sum' ? '' : 'not '}be a counter, got \`${declared.kind}\``]),
        ]
      }),
  },
]

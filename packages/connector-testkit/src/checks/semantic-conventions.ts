/**
 * Metrics of the OpenTelemetry semantic conventions 1.44.0 that describe infrastructure and its services, without
 * deprecated ones: names by unit and kind, from `model` of github.com/open-telemetry/semantic-conventions.
 */

/**
 * Kind of a metric: a `sum` only grows, as a counter does. A `state` is a current value: a gauge or an up-down counter,
 * which differs between versions. `any` is a histogram: its quantiles are gauges, its count and sum are counters.
 */
export type ConventionKind = 'sum' | 'state' | 'any'

export interface Convention {
  /** UCUM. */
  readonly unit: string
  readonly kind: ConventionKind
}

// `k8s.container.restart.count` is an up-down counter, since kubelets reset it. Counters may be reset, too: both fit.
const CONVENTIONS: readonly (readonly [unit: string, kind: ConventionKind, names: string])[] = [
  [
    'By',
    'any',
    `
    faas.mem_usage faas.net_io http.client.request.body.size http.client.response.body.size
    http.server.request.body.size http.server.response.body.size`,
  ],
  [
    's',
    'any',
    `
    db.client.connection.create_time db.client.connection.use_time db.client.connection.wait_time
    db.client.operation.duration dns.lookup.duration faas.cpu_usage faas.init_duration faas.invoke_duration
    http.client.connection.duration http.client.request.duration http.server.request.duration jvm.gc.duration
    messaging.client.operation.duration messaging.process.duration rpc.client.call.duration rpc.server.call.duration`,
  ],
  [
    '{restart}',
    'any',
    `
    k8s.container.restart.count`,
  ],
  [
    '{row}',
    'any',
    `
    db.client.response.returned_rows`,
  ],
  [
    '1',
    'state',
    `
    hw.battery.charge hw.battery.charge.limit hw.fan.speed_ratio hw.gpu.memory.utilization hw.gpu.utilization
    hw.logical_disk.utilization hw.network.bandwidth.utilization hw.network.up
    hw.physical_disk.endurance_utilization hw.physical_disk.smart hw.power_supply.utilization hw.status
    jvm.cpu.recent_utilization jvm.system.cpu.utilization k8s.container.cpu.limit.utilization
    k8s.container.cpu.request.utilization k8s.hpa.metric.target.cpu.average_utilization nodejs.eventloop.utilization
    process.cpu.utilization process.memory.utilization system.cpu.utilization system.filesystem.utilization
    system.memory.linux.hugepages.utilization system.memory.utilization system.paging.utilization`,
  ],
  [
    'By',
    'state',
    `
    container.filesystem.available container.filesystem.capacity container.filesystem.usage
    container.memory.available container.memory.rss container.memory.usage container.memory.working_set
    hw.gpu.memory.limit hw.gpu.memory.usage hw.logical_disk.limit hw.logical_disk.usage hw.memory.size
    hw.physical_disk.size jvm.buffer.memory.limit jvm.buffer.memory.used jvm.memory.committed jvm.memory.init
    jvm.memory.limit jvm.memory.used jvm.memory.used_after_last_gc k8s.container.ephemeral_storage.limit
    k8s.container.ephemeral_storage.request k8s.container.ephemeral_storage.usage k8s.container.memory.limit.current
    k8s.container.memory.limit.desired k8s.container.memory.request.current k8s.container.memory.request.desired
    k8s.container.storage.limit k8s.container.storage.request k8s.node.ephemeral_storage.allocatable
    k8s.node.filesystem.available k8s.node.filesystem.capacity k8s.node.filesystem.usage k8s.node.memory.allocatable
    k8s.node.memory.available k8s.node.memory.rss k8s.node.memory.usage k8s.node.memory.working_set
    k8s.node.system_container.memory.usage k8s.node.system_container.memory.working_set
    k8s.persistentvolume.storage.capacity k8s.persistentvolumeclaim.storage.capacity
    k8s.persistentvolumeclaim.storage.request k8s.pod.filesystem.available k8s.pod.filesystem.capacity
    k8s.pod.filesystem.usage k8s.pod.memory.available k8s.pod.memory.rss k8s.pod.memory.usage
    k8s.pod.memory.working_set k8s.pod.volume.available k8s.pod.volume.capacity k8s.pod.volume.usage
    k8s.resourcequota.ephemeral_storage.limit.hard k8s.resourcequota.ephemeral_storage.limit.used
    k8s.resourcequota.ephemeral_storage.request.hard k8s.resourcequota.ephemeral_storage.request.used
    k8s.resourcequota.memory.limit.hard k8s.resourcequota.memory.limit.used k8s.resourcequota.memory.request.hard
    k8s.resourcequota.memory.request.used k8s.resourcequota.storage.request.hard
    k8s.resourcequota.storage.request.used openshift.clusterquota.ephemeral_storage.limit.hard
    openshift.clusterquota.ephemeral_storage.limit.used openshift.clusterquota.ephemeral_storage.request.hard
    openshift.clusterquota.ephemeral_storage.request.used openshift.clusterquota.memory.limit.hard
    openshift.clusterquota.memory.limit.used openshift.clusterquota.memory.request.hard
    openshift.clusterquota.memory.request.used openshift.clusterquota.storage.request.hard
    openshift.clusterquota.storage.request.used process.memory.usage process.memory.virtual system.disk.limit
    system.filesystem.limit system.filesystem.usage system.memory.limit system.memory.linux.available
    system.memory.linux.hugepages.page_size system.memory.linux.shared system.memory.linux.slab.usage
    system.memory.usage system.paging.usage`,
  ],
  [
    'By/s',
    'state',
    `
    hw.network.bandwidth.limit`,
  ],
  [
    'Cel',
    'state',
    `
    hw.host.ambient_temperature hw.host.heating_margin hw.temperature hw.temperature.limit`,
  ],
  [
    'Hz',
    'state',
    `
    hw.cpu.speed hw.cpu.speed.limit system.cpu.frequency`,
  ],
  [
    'V',
    'state',
    `
    hw.voltage hw.voltage.limit hw.voltage.nominal`,
  ],
  [
    'W',
    'state',
    `
    hw.host.power hw.power hw.power_supply.limit hw.power_supply.usage`,
  ],
  [
    'rpm',
    'state',
    `
    hw.fan.speed hw.fan.speed.limit`,
  ],
  [
    's',
    'state',
    `
    container.uptime hw.battery.time_left k8s.node.uptime k8s.pod.uptime nodejs.eventloop.delay.max
    nodejs.eventloop.delay.mean nodejs.eventloop.delay.min nodejs.eventloop.delay.p50 nodejs.eventloop.delay.p90
    nodejs.eventloop.delay.p99 nodejs.eventloop.delay.stddev process.uptime system.uptime`,
  ],
  [
    '{buffer}',
    'state',
    `
    jvm.buffer.count`,
  ],
  [
    '{class}',
    'state',
    `
    jvm.class.count`,
  ],
  [
    '{connection}',
    'state',
    `
    db.client.connection.count db.client.connection.idle.max db.client.connection.idle.min db.client.connection.max
    http.client.open_connections system.network.connection.count`,
  ],
  [
    '{container}',
    'state',
    `
    k8s.container.ready k8s.container.status.reason k8s.container.status.state`,
  ],
  [
    '{cpu}',
    'state',
    `
    container.cpu.usage jvm.cpu.count k8s.container.cpu.limit.current k8s.container.cpu.limit.desired
    k8s.container.cpu.request.current k8s.container.cpu.request.desired k8s.hpa.metric.target.cpu.average_value
    k8s.hpa.metric.target.cpu.value k8s.node.cpu.allocatable k8s.node.cpu.usage k8s.node.system_container.cpu.usage
    k8s.pod.cpu.usage k8s.resourcequota.cpu.limit.hard k8s.resourcequota.cpu.limit.used
    k8s.resourcequota.cpu.request.hard k8s.resourcequota.cpu.request.used openshift.clusterquota.cpu.limit.hard
    openshift.clusterquota.cpu.limit.used openshift.clusterquota.cpu.request.hard
    openshift.clusterquota.cpu.request.used system.cpu.logical.count system.cpu.physical.count`,
  ],
  [
    '{endpoint}',
    'state',
    `
    k8s.service.endpoint.count`,
  ],
  [
    '{file_descriptor}',
    'state',
    `
    jvm.file_descriptor.count jvm.file_descriptor.limit process.unix.file_descriptor.count`,
  ],
  [
    '{handle}',
    'state',
    `
    process.windows.handle.count`,
  ],
  [
    '{hugepage}',
    'state',
    `
    k8s.resourcequota.hugepage_count.request.hard k8s.resourcequota.hugepage_count.request.used
    openshift.clusterquota.hugepage_count.request.hard openshift.clusterquota.hugepage_count.request.used`,
  ],
  [
    '{ingress}',
    'state',
    `
    k8s.service.load_balancer.ingress.count`,
  ],
  [
    '{inode}',
    'state',
    `
    k8s.node.filesystem.inode.count k8s.node.filesystem.inode.free k8s.pod.volume.inode.count
    k8s.pod.volume.inode.free k8s.pod.volume.inode.used`,
  ],
  [
    '{job}',
    'state',
    `
    k8s.cronjob.job.active`,
  ],
  [
    '{lock}',
    'state',
    `
    system.filesystem.lock.count`,
  ],
  [
    '{namespace}',
    'state',
    `
    k8s.namespace.phase`,
  ],
  [
    '{node}',
    'state',
    `
    k8s.daemonset.node.current_scheduled k8s.daemonset.node.desired_scheduled k8s.daemonset.node.misscheduled
    k8s.daemonset.node.ready k8s.node.condition.status`,
  ],
  [
    '{object}',
    'state',
    `
    k8s.resourcequota.object_count.hard k8s.resourcequota.object_count.used openshift.clusterquota.object_count.hard
    openshift.clusterquota.object_count.used`,
  ],
  [
    '{page}',
    'state',
    `
    system.memory.linux.hugepages.limit system.memory.linux.hugepages.reserved system.memory.linux.hugepages.surplus
    system.memory.linux.hugepages.usage`,
  ],
  [
    '{persistentvolumeclaim}',
    'state',
    `
    k8s.persistentvolumeclaim.status.phase k8s.resourcequota.persistentvolumeclaim_count.hard
    k8s.resourcequota.persistentvolumeclaim_count.used openshift.clusterquota.persistentvolumeclaim_count.hard
    openshift.clusterquota.persistentvolumeclaim_count.used`,
  ],
  [
    '{persistentvolume}',
    'state',
    `
    k8s.persistentvolume.status.phase`,
  ],
  [
    '{pod}',
    'state',
    `
    k8s.deployment.pod.available k8s.deployment.pod.desired k8s.hpa.pod.current k8s.hpa.pod.desired k8s.hpa.pod.max
    k8s.hpa.pod.min k8s.job.pod.active k8s.job.pod.desired_successful k8s.job.pod.failed k8s.job.pod.max_parallel
    k8s.job.pod.successful k8s.node.pod.allocatable k8s.pod.status.phase k8s.pod.status.reason
    k8s.replicaset.pod.available k8s.replicaset.pod.desired k8s.replicationcontroller.pod.available
    k8s.replicationcontroller.pod.desired k8s.statefulset.pod.current k8s.statefulset.pod.desired
    k8s.statefulset.pod.ready k8s.statefulset.pod.updated`,
  ],
  [
    '{process}',
    'state',
    `
    system.process.count`,
  ],
  [
    '{request}',
    'state',
    `
    db.client.connection.pending_requests http.client.active_requests http.server.active_requests`,
  ],
  [
    '{run_queue_item}',
    'state',
    `
    jvm.system.cpu.load_1m`,
  ],
  [
    '{signal}',
    'state',
    `
    process.signals_pending`,
  ],
  [
    '{thread}',
    'state',
    `
    jvm.thread.count nfs.server.thread.count process.thread.count system.process.limit`,
  ],
  [
    'By',
    'sum',
    `
    container.disk.io container.network.io hw.gpu.io hw.network.io k8s.node.network.io k8s.pod.network.io
    nfs.server.io process.disk.io process.network.io system.disk.io system.network.io`,
  ],
  [
    'J',
    'sum',
    `
    hw.energy hw.host.energy`,
  ],
  [
    's',
    'sum',
    `
    container.cpu.time jvm.cpu.time k8s.node.cpu.time k8s.node.system_container.cpu.time k8s.pod.cpu.time
    nodejs.eventloop.time process.cpu.time system.cpu.time system.disk.io_time system.disk.operation_time`,
  ],
  [
    '{authrefresh}',
    'sum',
    `
    nfs.client.rpc.authrefresh.count`,
  ],
  [
    '{class}',
    'sum',
    `
    jvm.class.loaded jvm.class.unloaded`,
  ],
  [
    '{coldstart}',
    'sum',
    `
    faas.coldstarts`,
  ],
  [
    '{connection}',
    'sum',
    `
    nfs.client.net.tcp.connection.accepted nfs.server.net.tcp.connection.accepted`,
  ],
  [
    '{context_switch}',
    'sum',
    `
    process.context_switches`,
  ],
  [
    '{error}',
    'sum',
    `
    faas.errors hw.errors k8s.node.network.errors k8s.pod.network.errors system.network.errors`,
  ],
  [
    '{fault}',
    'sum',
    `
    container.paging.faults k8s.node.paging.faults k8s.pod.paging.faults process.paging.faults system.paging.faults`,
  ],
  [
    '{fh}',
    'sum',
    `
    nfs.server.fh.stale.count`,
  ],
  [
    '{invocation}',
    'sum',
    `
    faas.invocations`,
  ],
  [
    '{message}',
    'sum',
    `
    messaging.client.consumed.messages messaging.client.sent.messages`,
  ],
  [
    '{operation}',
    'sum',
    `
    hw.tape_drive.operations nfs.client.operation.count nfs.server.operation.count process.disk.operations
    system.disk.merged system.disk.operations system.paging.operations`,
  ],
  [
    '{packet}',
    'sum',
    `
    hw.network.packets system.network.packet.count system.network.packet.dropped`,
  ],
  [
    '{procedure}',
    'sum',
    `
    nfs.client.procedure.count nfs.server.procedure.count`,
  ],
  [
    '{process}',
    'sum',
    `
    system.process.created`,
  ],
  [
    '{record}',
    'sum',
    `
    nfs.client.net.count nfs.server.net.count`,
  ],
  [
    '{request}',
    'sum',
    `
    nfs.client.rpc.count nfs.server.repcache.requests nfs.server.rpc.count`,
  ],
  [
    '{retransmit}',
    'sum',
    `
    nfs.client.rpc.retransmit.count`,
  ],
  [
    '{timeout}',
    'sum',
    `
    db.client.connection.timeouts faas.timeouts`,
  ],
]

const byName: ReadonlyMap<string, Convention> = new Map(
  CONVENTIONS.flatMap(([unit, kind, names]) =>
    names
      .trim()
      .split(/\s+/)
      .map((name): [string, Convention] => [name, { unit, kind }]),
  ),
)

/** Returns the unit and the kind that a metric has in the conventions, `undefined` for a name that they lack. */
export function conventionOf(name: string): Convention | undefined {
  return byName.get(name)
}

import { entity } from '@rca/core/connector'
import { common, container, inNamespace, owner, pod } from './attributes.ts'
import { workloadEntities } from './workload/workload-entities.ts'

const cluster = { part_of: 'The cluster.' }
const namespace = { owned_by: 'The namespace.' }

/** What there is in a cluster. Pods are known by their uid, everything else by its name: what is made again is the same to those who refer to it. */
export const entities = {
  cluster: entity({
    type: 'k8s.cluster',
    description: 'A Kubernetes cluster.',
    attributes: {
      'k8s.cluster.name': 'What people call it.',
      'k8s.cluster.uid': 'Uid of its namespace kube-system.',
      'k8s.cluster.nodes': 'Nodes that it has.',
      'k8s.cluster.namespaces': 'Namespaces that are watched, where it is not all of them.',
    },
  }),
  node: entity({
    type: 'k8s.node',
    description: 'A node.',
    attributes: {
      ...common('node'),
      'k8s.node.unschedulable': 'Whether it is cordoned: nothing new is scheduled on it.',
      'k8s.node.conditions': 'Its conditions that hold, such as `Ready` or `MemoryPressure`.',
      'k8s.node.taints': 'Its taints, as `key=value:effect`.',
      'k8s.node.addresses': 'Its addresses, as `type:address`.',
      'k8s.node.cpu.capacity': 'Processors that it has, more than pods may have.',
      'k8s.node.memory.capacity': 'Memory that it has, more than pods may have. Bytes.',
      'k8s.node.ephemeral_storage.capacity': 'Local storage that it has, more than pods may have. Bytes.',
      'k8s.node.pod.capacity': 'Pods for which it has room.',
      'k8s.node.kubelet_version': 'Version of its kubelet.',
      'k8s.node.provider_id': 'Name of the machine at its provider.',
      'container.runtime': 'Container runtime with its version.',
      'host.arch': 'Architecture of the machine.',
      'os.type': '`linux` or `windows`.',
      'os.description': 'Name and version of the operating system.',
      'k8s.node.kernel_version': 'Release of the kernel.',
    },
    relations: { ...cluster, runs_on: 'The machine, as the server connector knows it.' },
  }),
  host: entity({
    type: 'host',
    description: 'The machine of a node, with the same id that the server connector gives it.',
    attributes: { 'host.name': 'Name of the node.', 'host.id': 'Hash of the id that the system gives the machine.' },
  }),
  namespace: entity({
    type: 'k8s.namespace',
    description: 'A namespace.',
    attributes: { ...common('namespace'), 'k8s.namespace.phase': '`Active` or `Terminating`.' },
    relations: { owned_by: 'The cluster.' },
  }),
  ...workloadEntities,
  pod: entity({
    type: 'k8s.pod',
    description: 'A pod.',
    attributes: {
      ...pod,
      'k8s.pod.created': 'When it was created. ISO 8601.',
      'k8s.pod.label.*': 'Its labels, as far as `object_labels` lets them through.',
      'k8s.pod.phase': '`Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.',
      'k8s.pod.ready': 'Whether it counts as ready.',
      'k8s.pod.reason': 'Why it is in its phase, such as `Evicted`.',
      'k8s.pod.started_at': 'When a kubelet took it over. ISO 8601.',
      'k8s.pod.ip': 'Its address.',
      'k8s.pod.qos_class': '`Guaranteed`, `Burstable` or `BestEffort`.',
      'k8s.pod.priority_class': 'Name of its priority.',
      'k8s.pod.restart_policy': '`Always`, `OnFailure` or `Never`.',
      'k8s.pod.host_network': 'Whether it is in the network of its node.',
      'k8s.pod.terminating': 'Whether it is being deleted.',
    },
    relations: { ...owner, runs_on: 'The node.', mounts: 'Claims, ConfigMaps and Secrets that it uses.' },
  }),
  container: entity({
    type: 'k8s.container',
    description: 'A container of a pod, in all of its runs.',
    attributes: {
      ...container,
      'k8s.container.kind': '`container`, `init`, `sidecar` or `ephemeral`.',
      'k8s.container.state': '`waiting`, `running` or `terminated`.',
      'k8s.container.state_reason': 'Why it is in that state, such as `CrashLoopBackOff`.',
      'k8s.container.ready': 'Whether it counts as ready.',
      'k8s.container.started_at': 'When the newest run began. ISO 8601.',
      'k8s.container.last_terminated.reason': 'Why its last run ended.',
      'k8s.container.last_terminated.exit_code': 'Exit code of its last run.',
      'k8s.container.last_terminated.finished_at': 'When its last run ended. ISO 8601.',
      'k8s.container.cpu.request': 'Processors that are kept for it.',
      'k8s.container.cpu.limit': 'Processors that it may use.',
      'k8s.container.memory.request': 'Bytes of memory that are kept for it.',
      'k8s.container.memory.limit': 'Bytes of memory that it may use.',
    },
    relations: { part_of: 'The pod.' },
  }),
  service: entity({
    type: 'k8s.service',
    description: 'A Service.',
    attributes: {
      ...common('service'),
      ...inNamespace,
      'k8s.service.type': '`ClusterIP`, `NodePort`, `LoadBalancer` or `ExternalName`.',
      'k8s.service.cluster_ip': 'Its address in the cluster.',
      'k8s.service.external_name': 'Name that it stands for.',
      'k8s.service.selector': 'Labels of its pods, as `name=value`.',
      'k8s.service.ports': 'Its ports, as `80/TCP`.',
      'k8s.service.addresses': 'Addresses of its load balancer.',
    },
    relations: { ...namespace, selects: 'Pods behind it.' },
  }),
  ingress: entity({
    type: 'k8s.ingress',
    description: 'An Ingress.',
    attributes: {
      ...common('ingress'),
      ...inNamespace,
      'k8s.ingress.class': 'Class of its controller.',
      'k8s.ingress.hosts': 'Hosts that it answers for.',
      'k8s.ingress.addresses': 'Addresses of its load balancer.',
    },
    relations: { ...namespace, routes_to: 'Services behind it.' },
  }),
  claim: entity({
    type: 'k8s.persistentvolumeclaim',
    description: 'A PersistentVolumeClaim.',
    attributes: {
      ...common('persistentvolumeclaim'),
      ...inNamespace,
      'k8s.persistentvolumeclaim.phase': '`Pending`, `Bound` or `Lost`.',
      'k8s.storageclass.name': 'Its storage class.',
      'k8s.persistentvolume.name': 'Volume that it is bound to.',
      'k8s.persistentvolumeclaim.access_modes': 'How it may be mounted, such as `ReadWriteOnce`.',
    },
    relations: namespace,
  }),
  configMap: entity({
    type: 'k8s.configmap',
    description: 'A ConfigMap, without its data.',
    attributes: {
      ...common('configmap'),
      ...inNamespace,
      'k8s.configmap.fingerprint':
        'Keyed hash of its version: another one means that it was written to, or that the agent has another token.',
    },
    relations: namespace,
  }),
  secret: entity({
    type: 'k8s.secret',
    description: 'A Secret, without its data. Only with `watch_secret_names`.',
    attributes: {
      ...common('secret'),
      ...inNamespace,
      'k8s.secret.fingerprint':
        'Keyed hash of its version: another one means that it was written to, or that the agent has another token.',
    },
    relations: namespace,
  }),
  resourceQuota: entity({
    type: 'k8s.resourcequota',
    description: 'A ResourceQuota: what a namespace may use.',
    attributes: { ...common('resourcequota'), ...inNamespace },
    relations: namespace,
  }),
  limitRange: entity({
    type: 'k8s.limitrange',
    description: 'A LimitRange: what each thing in a namespace may ask for.',
    attributes: {
      ...common('limitrange'),
      ...inNamespace,
      'k8s.limitrange.limits': 'Its bounds, as `Container cpu max=2 default=0.5`.',
    },
    relations: namespace,
  }),
}

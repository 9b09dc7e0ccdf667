import { join } from 'node:path'
import { PAUSE_IMAGE } from '../docker/test-images.ts'
import { kubeconfigOf, NODE_NAME } from './credentials.ts'
import type { NodeNetwork } from './node-network.ts'

export interface NodeOptions {
  readonly folder: string
  readonly binaries: string
  /** Kubeconfig of the administrator, beside those of the components. */
  readonly kubeconfig: string
  /** Directory of the certificates. */
  readonly pki: string
  readonly dockerHost: string
  /** Control group of the pods, such as `/rca-node1`. */
  readonly cgroup: string
  readonly network: NodeNetwork
}

/** Returns the flags of an API server that reaches a kubelet. */
export function apiServerFlags(pki: string): string[] {
  return [
    `--kubelet-client-certificate=${join(pki, 'kubelet-client.pem')}`,
    `--kubelet-client-key=${join(pki, 'kubelet-client-key.pem')}`,
    `--kubelet-certificate-authority=${join(pki, 'ca.pem')}`,
    '--kubelet-preferred-address-types=InternalIP',
    `--requestheader-client-ca-file=${join(pki, 'ca.pem')}`,
    '--requestheader-allowed-names=front-proxy-client',
    '--requestheader-username-headers=X-Remote-User',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    `--proxy-client-cert-file=${join(pki, 'front-proxy.pem')}`,
    `--proxy-client-key-file=${join(pki, 'front-proxy-key.pem')}`,
    '--enable-admission-plugins=NodeRestriction',
  ]
}

/** Returns the commands of all components except etcd and the API server, in the order in which they start. */
export function nodeCommands(options: NodeOptions): Readonly<Record<string, readonly string[]>> {
  const { folder, pki } = options
  return {
    controllers: controllersCommand(options, [
      '--controllers=*',
      `--cluster-signing-cert-file=${join(pki, 'ca.pem')}`,
      `--cluster-signing-key-file=${join(pki, 'ca-key.pem')}`,
      `--flex-volume-plugin-dir=${join(folder, 'plugins')}`,
    ]),
    scheduler: schedulerCommand(options),
    kubelet: kubeletCommand(options),
    proxy: proxyCommand(options),
  }
}

/** Returns the command of the controllers, with more flags of one cluster. */
export function controllersCommand(
  { folder, binaries, kubeconfig, pki }: Pick<NodeOptions, 'folder' | 'binaries' | 'kubeconfig' | 'pki'>,
  flags: readonly string[],
): string[] {
  return [
    join(binaries, 'kube-controller-manager'),
    `--kubeconfig=${kubeconfigOf(kubeconfig, 'controllers')}`,
    '--bind-address=127.0.0.1',
    '--port=0',
    `--cert-dir=${join(folder, 'certificates')}`,
    '--use-service-account-credentials=true',
    `--service-account-private-key-file=${join(pki, 'service-account-key.pem')}`,
    `--root-ca-file=${join(pki, 'ca.pem')}`,
    '--leader-elect=false',
    ...flags,
  ]
}

function schedulerCommand({ folder, binaries, kubeconfig }: NodeOptions): string[] {
  const own = kubeconfigOf(kubeconfig, 'scheduler')
  return [
    join(binaries, 'kube-scheduler'),
    `--kubeconfig=${own}`,
    `--authentication-kubeconfig=${own}`,
    `--authorization-kubeconfig=${own}`,
    '--bind-address=127.0.0.1',
    '--port=0',
    `--cert-dir=${join(folder, 'certificates')}`,
    '--leader-elect=false',
  ]
}

function kubeletCommand({ folder, binaries, kubeconfig, dockerHost, network }: NodeOptions): string[] {
  return [
    join(binaries, 'kubelet'),
    `--config=${kubeletConfigFile(folder)}`,
    `--kubeconfig=${kubeconfigOf(kubeconfig, 'node')}`,
    `--hostname-override=${NODE_NAME}`,
    `--node-ip=${network.nodeAddress}`,
    `--root-dir=${join(folder, 'kubelet')}`,
    `--cert-dir=${join(folder, 'certificates')}`,
    `--volume-plugin-dir=${join(folder, 'plugins')}`,
    '--container-runtime=docker',
    `--docker-endpoint=${dockerHost}`,
    `--docker=${dockerHost}`,
    `--container-runtime-endpoint=unix://${join(folder, 'dockershim.sock')}`,
    `--experimental-dockershim-root-directory=${join(folder, 'dockershim')}`,
    `--pod-infra-container-image=${PAUSE_IMAGE}`,
    '--network-plugin=',
  ]
}

function proxyCommand({ binaries, kubeconfig, network }: NodeOptions): string[] {
  return [
    join(binaries, 'kube-proxy'),
    `--kubeconfig=${kubeconfigOf(kubeconfig, 'proxy')}`,
    `--hostname-override=${NODE_NAME}`,
    '--proxy-mode=iptables',
    `--cluster-cidr=${network.podRange}`,
    `--bind-address=${network.nodeAddress}`,
    '--healthz-bind-address=127.0.0.1:10256',
    '--metrics-bind-address=127.0.0.1:10249',
    '--conntrack-max-per-core=0',
    '--conntrack-tcp-timeout-established=0',
    '--conntrack-tcp-timeout-close-wait=0',
    '--oom-score-adj=0',
  ]
}

export function kubeletConfigFile(folder: string): string {
  return join(folder, 'kubelet.yaml')
}

export function kubeletConfig({ pki, cgroup, network }: NodeOptions): string {
  return `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: ${network.nodeAddress}
readOnlyPort: 0
tlsCertFile: ${join(pki, 'kubelet.pem')}
tlsPrivateKeyFile: ${join(pki, 'kubelet-key.pem')}
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: ${join(pki, 'ca.pem')}}}
authorization: {mode: Webhook}
cgroupDriver: cgroupfs
cgroupRoot: ${cgroup}
failSwapOn: false
# A node becomes ready with its second status report.
nodeStatusUpdateFrequency: 2s
nodeStatusReportFrequency: 5m
# No DNS server answers at this address. Without it every pod gets a warning.
clusterDNS: [10.96.0.10]
clusterDomain: cluster.local
# Local images cannot be pulled again.
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%, nodefs.inodesFree: 1%}
serializeImagePulls: false
# A negative value fails if root lacks CAP_SYS_RESOURCE.
oomScoreAdj: 0
# Device plugins use /var/lib/kubelet, which all kubelets share.
featureGates: {DevicePlugins: false}
`
}

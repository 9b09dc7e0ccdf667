import { join } from 'node:path'
import { eventually } from '../run.ts'
import { type ApiAddress, requestApi } from './api-client.ts'
import type { Components } from './component-processes.ts'
import { type Credentials, SERVICE_ADDRESS, type User } from './credentials.ts'
import { viewerRoleObjects } from './viewer-role.ts'

export interface ControlPlaneOptions {
  readonly folder: string
  readonly components: Components
  readonly binaries: string
  readonly credentials: Credentials
  /** Address at which etcd and the API server listen. */
  readonly address: string
  readonly ports: { readonly api: number; readonly etcd: number; readonly etcdPeer: number }
  /** Words before every command, such as those of `nsenter`. @default [] */
  readonly prefix?: readonly string[]
  /** More flags of the API server. @default [] */
  readonly flags?: readonly string[]
}

/** A started API server with RBAC, and the processes of its cluster. */
export interface RunningApi<Component extends string> {
  /** Kubeconfig of an administrator. */
  readonly kubeconfig: string
  readonly url: string
  /** Certificate of its authority, as PEM. */
  readonly ca: string
  kubeconfigOf(user: User): string
  tokenOf(user: 'admin' | 'viewer' | 'unprivileged'): string
  /** Ids of the running processes by component. */
  pids(): Readonly<Record<string, number>>
  /** Sends a signal. For SIGKILL, resolves when the process has ended. */
  signal(component: Component, name: NodeJS.Signals): Promise<void>
  /** Starts ended processes on the stored data. Resolves when the API and all nodes are ready. */
  restart(): Promise<void>
  /** Compacts etcd to the newest revision: continuing an older list is then 410 Gone. */
  compact(): Promise<void>
  /** Stops all processes, undoes all changes to this machine and deletes the directory. */
  stop(): Promise<void>
}

/** etcd and kube-apiserver. */
export interface ControlPlane {
  readonly api: ApiAddress
  readonly etcdUrl: string
  /** Starts etcd and kube-apiserver unless they run, and waits until the API is ready. */
  start(): Promise<void>
  compact: RunningApi<string>['compact']
}

export function controlPlane(options: ControlPlaneOptions): ControlPlane {
  const { components, credentials, address, ports, prefix = [] } = options
  const api = { url: `https://${address}:${ports.api}`, ca: credentials.ca, token: credentials.tokenOf('admin') }
  const etcdUrl = `http://${address}:${ports.etcd}`
  return {
    api,
    etcdUrl,
    start: async () => {
      await components.start('etcd', [...prefix, ...etcdCommand(options, etcdUrl)])
      await components.start('apiserver', [...prefix, ...apiServerCommand(options, etcdUrl)])
      await waitFor('kube-apiserver', components, 'apiserver', async () => {
        return (await requestApi(api, 'GET', '/readyz')).status === 200
      })
      for (const { path, object } of viewerRoleObjects)
        await waitFor(`POST ${path}`, components, 'apiserver', async () => {
          const { status } = await requestApi(api, 'POST', path, object)
          return status === 201 || status === 409
        })
    },
    compact: async () => {
      // A compaction keeps its revision. One more write makes every revision that a list may have seen older.
      const { header } = await callEtcd(etcdUrl, 'put', { key: btoa('rig/compaction'), value: '' })
      await callEtcd(etcdUrl, 'compaction', { revision: header?.revision, physical: true })
    },
  }
}

/** Waits until a check holds and does not throw. @throws Error with the log of a component when it is late or ends */
export async function waitFor(
  what: string,
  components: Components,
  component: string,
  holds: () => Promise<boolean>,
): Promise<void> {
  const check = (): Promise<boolean> => holds().catch(() => false)
  const isReady = await eventually(check, { isHopeless: () => !components.isAlive(component) })
  if (!isReady) throw new Error(`${what} is not ready. End of the log of ${component}:\n${components.log(component)}`)
}

export async function callEtcd(url: string, call: string, body: object): Promise<{ header?: { revision: string } }> {
  const response = await fetch(`${url}/v3/kv/${call}`, { method: 'POST', body: JSON.stringify(body) })
  if (!response.ok) throw new Error(`etcd answered ${response.status} to ${call}: ${await response.text()}`)
  return (await response.json()) as { header?: { revision: string } }
}

function etcdCommand({ folder, binaries, address, ports }: ControlPlaneOptions, url: string): string[] {
  const peerUrl = `http://${address}:${ports.etcdPeer}`
  return [
    join(binaries, 'etcd'),
    '--name=rig',
    `--data-dir=${join(folder, 'etcd')}`,
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=rig=${peerUrl}`,
    '--unsafe-no-fsync',
  ]
}

function apiServerCommand(options: ControlPlaneOptions, etcdUrl: string): string[] {
  const { folder, binaries, credentials, address, ports, flags = [] } = options
  const pki = (file: string): string => join(credentials.folder, file)
  return [
    join(binaries, 'kube-apiserver'),
    `--etcd-servers=${etcdUrl}`,
    `--bind-address=${address}`,
    `--advertise-address=${address}`,
    `--secure-port=${ports.api}`,
    `--cert-dir=${join(folder, 'certificates')}`,
    `--tls-cert-file=${pki('apiserver.pem')}`,
    `--tls-private-key-file=${pki('apiserver-key.pem')}`,
    `--client-ca-file=${pki('ca.pem')}`,
    `--token-auth-file=${pki('tokens.csv')}`,
    `--service-account-key-file=${pki('service-account.pem')}`,
    `--service-account-signing-key-file=${pki('service-account-key.pem')}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-cluster-ip-range=${SERVICE_ADDRESS.replace(/\.1$/, '.0')}/16`,
    '--authorization-mode=Node,RBAC',
    '--allow-privileged=true',
    '--event-ttl=24h',
    '--profiling=false',
    ...flags,
  ]
}

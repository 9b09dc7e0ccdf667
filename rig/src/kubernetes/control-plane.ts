import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ApiAddress, askApi } from './api-request.ts'
import type { Components } from './components.ts'
import { type Credentials, SERVICE_ADDRESS } from './credentials.ts'
import { viewerObjects } from './viewer.ts'

/** How long a server may take to start, in milliseconds. */
const PATIENCE = 90_000

export interface ControlPlaneOptions {
  readonly folder: string
  readonly components: Components
  readonly binaries: string
  readonly credentials: Credentials
  /** Where etcd and the API server listen. */
  readonly address: string
  readonly ports: { readonly api: number; readonly etcd: number; readonly etcdPeer: number }
  /** What the commands are started with, such as `nsenter`. @default [] */
  readonly prefix?: readonly string[]
  /** More flags of the API server. @default [] */
  readonly flags?: readonly string[]
}

/** etcd and kube-apiserver. */
export interface ControlPlane {
  readonly api: ApiAddress
  readonly etcdUrl: string
  /** Starts what does not run, and waits until the API is ready. */
  start(): Promise<void>
  /** Makes etcd forget all but the newest state: to continue an older list is then 410 Gone. */
  compact(): Promise<void>
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
        return (await askApi(api, 'GET', '/readyz')).status === 200
      })
      for (const { path, object } of viewerObjects) await create(api, path, object)
    },
    compact: async () => {
      // Compaction keeps the revision that it names: with one more write, every revision that a list may have seen is older.
      const { header } = await askEtcd(etcdUrl, 'put', { key: base64('rig/compaction'), value: '' })
      await askEtcd(etcdUrl, 'compaction', { revision: header?.revision, physical: true })
    },
  }
}

/** Waits until something of a cluster is there. @throws Error with the end of a component's log when it takes too long or that component ends */
export async function waitFor(
  what: string,
  components: Components,
  component: string,
  isThere: () => Promise<boolean>,
): Promise<void> {
  for (const deadline = Date.now() + PATIENCE; !(await isThere().catch(() => false)); await sleep(100))
    if (Date.now() > deadline || !components.isAlive(component))
      throw new Error(`${what} is not ready. The end of the log of ${component}:\n${components.log(component)}`)
}

async function create(api: ApiAddress, path: string, object: object): Promise<void> {
  const { status, body } = await askApi(api, 'POST', path, object)
  if (status !== 201 && status !== 409) throw new Error(`kube-apiserver answered ${status} to POST ${path}: ${body}`)
}

async function askEtcd(url: string, call: string, body: object): Promise<{ header?: { revision: string } }> {
  const response = await fetch(`${url}/v3/kv/${call}`, { method: 'POST', body: JSON.stringify(body) })
  if (!response.ok) throw new Error(`etcd answered ${response.status} to ${call}: ${await response.text()}`)
  return (await response.json()) as { header?: { revision: string } }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
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

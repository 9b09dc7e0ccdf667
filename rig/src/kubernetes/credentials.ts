import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeAuthority, makeCertificate } from '../certificates.ts'
import { run } from '../run.ts'

export const NODE_NAME = 'node1'

/** Service address of the API server in the cluster. */
export const SERVICE_ADDRESS = '10.96.0.1'

/** User and group of each token. */
const USERS = {
  admin: ['admin', 'system:masters'],
  viewer: ['viewer', 'viewers'],
  unprivileged: ['unprivileged', 'unprivileged'],
  controllers: ['system:kube-controller-manager', ''],
  scheduler: ['system:kube-scheduler', ''],
  proxy: ['system:kube-proxy', ''],
  node: [`system:node:${NODE_NAME}`, 'system:nodes'],
} as const

/**
 * Users for tests: `admin` may do everything, `viewer` may read everything except secrets, `unprivileged` has no
 * permission. `certificate` is an administrator without a token.
 */
export type User = 'admin' | 'viewer' | 'unprivileged' | 'certificate'

/** Components of the cluster that have a user. */
export type Part = 'controllers' | 'scheduler' | 'proxy' | 'node'

/** Certificates and tokens of a cluster. */
export interface Credentials {
  /** Directory of the certificates, keys and `tokens.csv`. */
  readonly folder: string
  /** Certificate of the authority, as PEM. */
  readonly ca: string
  tokenOf(user: keyof typeof USERS): string
}

/** Creates an authority, certificates and tokens in a directory, unless they exist. Needs openssl. */
export async function makeCredentials(folder: string, address: string): Promise<Credentials> {
  const tokens = join(folder, 'tokens.csv')
  if (!existsSync(tokens)) {
    await makeAuthority(folder)
    await Promise.all([...certificatesFor(folder, address), makeServiceAccountKey(folder)])
    const newToken = (): string => randomBytes(16).toString('hex')
    const lines = Object.values(USERS).map(([user, group], id) => `${newToken()},${user},${id},"${group}"\n`)
    writeFileSync(tokens, lines.join(''), { mode: 0o600 })
  }
  const lines = readFileSync(tokens, 'utf8').split('\n')
  return {
    folder,
    ca: readFileSync(join(folder, 'ca.pem'), 'utf8'),
    tokenOf: (user) => lines[Object.keys(USERS).indexOf(user)]?.split(',')[0] ?? '',
  }
}

/** Writes self-contained kubeconfigs of all users and components. Returns that of the administrator. */
export function writeKubeconfigs(folder: string, url: string, credentials: Credentials): string {
  const kubeconfig = join(folder, 'kubeconfig')
  const write = (file: string, user: string): void =>
    writeFileSync(file, kubeconfigText(url, credentials.ca, user), { mode: 0o600 })
  const names = Object.keys(USERS) as (keyof typeof USERS)[]
  for (const name of names) write(kubeconfigOf(kubeconfig, name), `token: ${credentials.tokenOf(name)}`)
  const base64 = (file: string): string => readFileSync(join(credentials.folder, file), 'base64')
  write(
    kubeconfigOf(kubeconfig, 'certificate'),
    `client-certificate-data: ${base64('admin.pem')}\n      client-key-data: ${base64('admin-key.pem')}`,
  )
  return kubeconfig
}

/** Returns the kubeconfig of another user, beside that of the administrator. */
export function kubeconfigOf(kubeconfig: string, user: User | Part): string {
  return user === 'admin' ? kubeconfig : `${kubeconfig}.${user}`
}

function certificatesFor(folder: string, address: string): Promise<void>[] {
  const inside = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local']
  const names = ['localhost', ...inside].map((name) => `DNS:${name}`)
  const make = (name: string, subject: string, uses: 'serverAuth' | 'clientAuth', of?: readonly string[]) =>
    makeCertificate(folder, { certificate: `${name}.pem`, key: `${name}-key.pem` }, subject, uses, of)
  const addresses = ['127.0.0.1', SERVICE_ADDRESS, address].map((each) => `IP:${each}`)
  return [
    make('apiserver', '/CN=kube-apiserver', 'serverAuth', [...names, ...addresses]),
    make('admin', '/O=system:masters/CN=admin', 'clientAuth'),
    make('kubelet', `/O=system:nodes/CN=system:node:${NODE_NAME}`, 'serverAuth', [`DNS:${NODE_NAME}`, `IP:${address}`]),
    make('kubelet-client', '/O=system:masters/CN=kube-apiserver-kubelet-client', 'clientAuth'),
    // The API server uses it to forward requests to aggregated APIs, such as metrics.k8s.io.
    make('front-proxy', '/CN=front-proxy-client', 'clientAuth'),
  ]
}

async function makeServiceAccountKey(folder: string): Promise<void> {
  await run('openssl', ['genrsa', '-out', 'service-account-key.pem', '2048'], { cwd: folder })
  const words = ['rsa', '-in', 'service-account-key.pem', '-pubout', '-out', 'service-account.pem']
  await run('openssl', words, { cwd: folder })
}

function kubeconfigText(url: string, ca: string, user: string): string {
  return `apiVersion: v1
kind: Config
clusters:
  - name: rig
    cluster:
      server: ${url}
      certificate-authority-data: ${Buffer.from(ca).toString('base64')}
users:
  - name: rig
    user:
      ${user}
contexts:
  - name: rig
    context:
      cluster: rig
      user: rig
current-context: rig
`
}

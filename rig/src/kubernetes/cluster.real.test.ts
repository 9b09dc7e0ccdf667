import { existsSync, globSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { docker } from '../docker/docker-cli.ts'
import { realDescribe } from '../real.ts'
import { run } from '../run.ts'
import { findKubectl } from './binaries.ts'
import { type Cluster, missingForCluster, startCluster } from './cluster.ts'

const POD = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web' },
  spec: {
    containers: [
      {
        name: 'web',
        image: 'busybox:local',
        imagePullPolicy: 'IfNotPresent',
        command: ['sh', '-c', 'echo hello > /tmp/index.html && echo served && exec httpd -f -p 8080 -h /tmp'],
        readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 },
      },
    ],
  },
}

const kubectl = await findKubectl()
const absence = kubectl === undefined ? { missing: '`kubectl` is not installed' } : await missingForCluster()

realDescribe('a cluster of one node', absence, () => {
  const folder = mkdtempSync(join(tmpdir(), 'rca-node-'))
  let cluster: Cluster
  let firewall = ''

  beforeAll(async () => {
    firewall = await firewallRules()
    cluster = await startCluster({ folder })
  }, 240_000)
  afterAll(async () => {
    await cluster.stop()
    rmSync(folder, { recursive: true, force: true })
  }, 120_000)

  const ask = async (words: string[], input?: string): Promise<string> =>
    run(kubectl ?? '', ['--kubeconfig', cluster.kubeconfig, ...words], input === undefined ? {} : { input })

  test('runs a pod that this machine reaches, and that reaches the API', async () => {
    await ask(['create', '--validate=false', '--filename=-'], JSON.stringify(POD))
    await ask(['wait', '--for=condition=Ready', '--timeout=50s', 'pod/web'])
    const address = await ask(['get', 'pod', 'web', '--output=jsonpath={.status.podIP}'])
    expect(await (await fetch(`http://${address}:8080/`)).text()).toBe('hello\n')
    expect(await ask(['logs', 'web'])).toBe('served\n')
    await ask(['exec', 'web', '--', 'sh', '-c', 'nc -w 5 10.96.0.1 443 < /dev/null'])
  }, 90_000)

  test('leaves nothing of it on this machine', async () => {
    const pods = await docker(cluster.dockerHost, ['ps', '--quiet', '--no-trunc'])
    const containers = pods.split('\n')
    expect(containers).toHaveLength(2)
    expect(commandLines().filter((line) => line.includes(folder)).length).toBeGreaterThan(6)
    expect(readdirSync(join(folder, 'var-log/pods'))).toHaveLength(1)
    expect(globSync('/var/log/{pods,containers}/**').join('\n')).not.toContain(containers[0])

    const mounts = mountNamespaceOf(cluster.pids().kubelet)
    expect(mounts).not.toBe(mountNamespaceOf(process.pid))
    await cluster.stop()

    expect(processIds().map(mountNamespaceOf)).not.toContain(mounts)
    expect(commandLines().filter((line) => line.includes(folder))).toEqual([])
    expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(folder)
    expect(globSync('/sys/fs/cgroup/*/rca-node*/kubepods/**').join('\n')).not.toContain(containers[0])
    expect(readFileSync('/proc/net/route', 'utf8')).not.toContain(routeTo(cluster.nodeAddress))
    expect(await firewallRules()).toBe(firewall)
    expect(existsSync(folder)).toBe(false)
  }, 60_000)
})

/** Kubernetes' chains and rules among those of this machine. */
async function firewallRules(): Promise<string> {
  const rules = await Promise.all(
    ['iptables-save', 'ip6tables-save'].map((program) => run(program, []).catch(() => '')),
  )
  const lines = rules.join('').split('\n')
  return lines.filter((line) => line.includes('KUBE-')).join('\n')
}

function processIds(): number[] {
  return readdirSync('/proc').map(Number).filter(Number.isInteger)
}

/** What is mounted in it goes with its last process. */
function mountNamespaceOf(pid = 0): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`)
  } catch {
    return ''
  }
}

/** The command line of every process. */
function commandLines(): string[] {
  return processIds().map((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    } catch {
      return ''
    }
  })
}

/** The network of an address, as the kernel's table writes it. */
function routeTo(address: string): string {
  const bytes = address.split('.').slice(0, 3).map(Number)
  return `00${bytes
    .toReversed()
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')}`.toUpperCase()
}

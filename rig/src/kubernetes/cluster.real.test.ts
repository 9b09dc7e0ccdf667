import { existsSync, globSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { docker } from '../docker/docker-cli.ts'
import { BUSYBOX_IMAGE } from '../docker/test-images.ts'
import { realDescribe } from '../real.ts'
import { run, START_TIMEOUT_MS } from '../run.ts'
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
        image: BUSYBOX_IMAGE,
        imagePullPolicy: 'IfNotPresent',
        command: ['sh', '-c', 'echo hello > /tmp/index.html && echo served && exec httpd -f -p 8080 -h /tmp'],
        readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 },
      },
    ],
  },
}

const kubectl = await findKubectl()
const absence = kubectl === undefined ? { missing: '`kubectl` is not installed' } : await missingForCluster()

realDescribe('startCluster', absence, () => {
  const folder = mkdtempSync(join(tmpdir(), 'rca-node-'))
  let cluster: Cluster
  let firewall = ''

  beforeAll(async () => {
    firewall = await firewallRules()
    cluster = await startCluster({ folder })
  }, START_TIMEOUT_MS)
  afterAll(async () => {
    await cluster.stop()
    rmSync(folder, { recursive: true, force: true })
  }, START_TIMEOUT_MS)

  const kubectlRun = async (args: string[], input?: string): Promise<string> =>
    run(kubectl ?? '', ['--kubeconfig', cluster.kubeconfig, ...args], input === undefined ? {} : { input })

  test(
    'runs a pod that reaches the API and that this machine reaches',
    async () => {
      await kubectlRun(['create', '--validate=false', '--filename=-'], JSON.stringify(POD))
      await kubectlRun(['wait', '--for=condition=Ready', '--timeout=180s', 'pod/web'])
      const address = await kubectlRun(['get', 'pod', 'web', '--output=jsonpath={.status.podIP}'])
      expect(await (await fetch(`http://${address}:8080/`)).text()).toBe('hello\n')
      expect(await kubectlRun(['logs', 'web'])).toBe('served\n')
      await kubectlRun(['exec', 'web', '--', 'sh', '-c', 'nc -w 5 10.96.0.1 443 < /dev/null'])
    },
    START_TIMEOUT_MS,
  )

  test(
    'leaves no process, mount, route, firewall rule or file behind',
    async () => {
      const pods = await docker(cluster.dockerHost, ['ps', '--quiet', '--no-trunc'])
      const containers = pods.split('\n')
      expect(containers).toHaveLength(2)
      expect(commandLines().filter((line) => line.includes(folder)).length).toBeGreaterThan(6)
      expect(readdirSync(join(folder, 'var-log/pods'))).toHaveLength(1)
      expect(globSync('/var/log/{pods,containers}/**').join('\n')).not.toContain(containers[0])

      expect(mountsOf(cluster.pids().kubelet)).toContain(folder)
      await cluster.stop()

      // A helper process of the kubelet may end after it. Numbers of mount namespaces are used again at once, so the
      // mounts themselves are looked at.
      await expect
        .poll(() => processIds().filter((pid) => mountsOf(pid).includes(folder)), { timeout: 10_000 })
        .toEqual([])
      expect(commandLines().filter((line) => line.includes(folder))).toEqual([])
      expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(folder)
      expect(globSync('/sys/fs/cgroup/*/rca-node*/kubepods/**').join('\n')).not.toContain(containers[0])
      expect(readFileSync('/proc/net/route', 'utf8')).not.toContain(routeTo(cluster.nodeAddress))
      expect(await firewallRules()).toBe(firewall)
      expect(existsSync(folder)).toBe(false)
    },
    START_TIMEOUT_MS,
  )
})

/** Returns the chains and rules of Kubernetes in this network namespace. */
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

/** Returns the mounts that a process sees. Those of a mount namespace end with its last process. */
function mountsOf(pid: number | undefined): string {
  try {
    return readFileSync(`/proc/${pid}/mountinfo`, 'utf8')
  } catch {
    return ''
  }
}

/** Returns the command line of every process. */
function commandLines(): string[] {
  return processIds().map((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    } catch {
      return ''
    }
  })
}

/** Returns the network of an address in the format of the kernel's routing table. */
function routeTo(address: string): string {
  const bytes = address.split('.').slice(0, 3).map(Number)
  return `00${bytes
    .toReversed()
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')}`.toUpperCase()
}

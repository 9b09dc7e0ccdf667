/** Changes pods, for `churnPods`: reads its options from standard input, prints `{ updates, seconds }` at its end. */
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectToApi } from './api-connection.ts'

const MAX_CONNECTIONS = 16

interface Pod {
  readonly metadata: { readonly name: string; readonly namespace: string }
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] }
}

const { url, ca, token, rate, seconds } = JSON.parse(await text(process.stdin)) as {
  readonly [name in 'url' | 'ca' | 'token']: string
} & { readonly rate: number; readonly seconds: number }
const api = connectToApi({ url, ca, token }, MAX_CONNECTIONS)
const limit = Math.max(500, Math.min(5_000, rate * seconds))
const { items } = (await api.get(`/api/v1/pods?limit=${limit}&fieldSelector=status.phase%3DRunning`)) as {
  items: Pod[]
}
const pods = items.map(({ metadata: { name, namespace }, status }) => ({
  path: `/api/v1/namespaces/${namespace}/pods/${name}/status`,
  isReady: status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false,
}))

const began = performance.now()
let begun = 0
let updates = 0
const running = new Set<Promise<void>>()
for (let passed = 0; passed < seconds; passed = (performance.now() - began) / 1000) {
  for (; begun < passed * rate && running.size < MAX_CONNECTIONS; begun += 1) {
    const update = change(begun).finally(() => running.delete(update))
    running.add(update)
  }
  await sleep(5)
}
await Promise.all(running)
console.log(JSON.stringify({ updates, seconds: (performance.now() - began) / 1000 }))
api.close()

/** Toggles the readiness of a pod. */
async function change(index: number): Promise<void> {
  // Neighbours in the list belong to one workload. The stride spreads consecutive changes over workloads.
  const pod = pods[(index * 7919) % pods.length]
  if (pod === undefined) throw new Error('The API server has no running pod.')
  pod.isReady = !pod.isReady
  const lastTransitionTime = new Date().toISOString().replace(/\.\d+/, '')
  const status = pod.isReady ? 'True' : 'False'
  const conditions = ['Ready', 'ContainersReady'].map((type) => ({ type, status, lastTransitionTime }))
  await api.patch(pod.path, { status: { conditions } }, 'kubelet')
  updates += 1
}

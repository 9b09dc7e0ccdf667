/** Serves the kubelet API of all nodes, for `startKubelets`: reads options from standard input, prints `{ port }`. */
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { connectToApi } from './api-connection.ts'
import { type MeasuredPod, summaryText } from './kubelet-summary.ts'

const MAX_CONNECTIONS = 16

/** Objects per page of a list. */
const PAGE_SIZE = 500

interface Node {
  readonly metadata: { readonly name: string }
  readonly status: { readonly addresses: readonly { readonly type: string; readonly address: string }[] }
}

interface Pod {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly uid: string }
  readonly spec: {
    readonly nodeName: string
    readonly containers: readonly { readonly name: string }[]
    readonly volumes?: readonly { readonly name: string }[]
  }
}

interface Kubelet {
  readonly node: string
  readonly pods: MeasuredPod[]
}

const { url, ca, token, certificate, key } = JSON.parse(await text(process.stdin)) as {
  readonly [name in 'url' | 'ca' | 'token' | 'certificate' | 'key']: string
}
const api = connectToApi({ url, ca, token }, MAX_CONNECTIONS)
const kubelets = await readKubelets()

const server = createServer({ cert: certificate, key }, (request, response) => {
  const kubelet = kubelets.get(request.socket.localAddress ?? '')
  if (kubelet === undefined || !(request.url ?? '').startsWith('/stats/summary')) {
    response.writeHead(404).end('404 page not found')
    return
  }
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(summaryText(kubelet.node, kubelet.pods, new Date()))
})
// The local address of a connection identifies the node: all of 127.0.0.0/8 is this machine.
server.on('connection', (socket) => {
  if (socket.remoteAddress?.startsWith('127.') !== true) socket.destroy()
})
await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve))
const { port } = server.address() as AddressInfo
const status = { daemonEndpoints: { kubeletEndpoint: { Port: port } } }
await Promise.all(
  [...kubelets.values()].map(({ node }) => api.patch(`/api/v1/nodes/${node}/status`, { status }, 'kubelet')),
)
api.close()
console.log(JSON.stringify({ port }))

/** Returns the kubelets by the address of their nodes. */
async function readKubelets(): Promise<ReadonlyMap<string, Kubelet>> {
  const byNode = new Map<string, Kubelet>()
  const byAddress = new Map<string, Kubelet>()
  for await (const { metadata, status } of list<Node>('/api/v1/nodes')) {
    const kubelet = { node: metadata.name, pods: [] }
    const address = status.addresses.find(({ type }) => type === 'InternalIP')?.address
    byNode.set(metadata.name, kubelet)
    if (address !== undefined) byAddress.set(address, kubelet)
  }
  for await (const { metadata, spec } of list<Pod>('/api/v1/pods', 'status.phase%3DRunning'))
    byNode.get(spec.nodeName)?.pods.push({
      name: metadata.name,
      namespace: metadata.namespace,
      uid: metadata.uid,
      containers: spec.containers.map(({ name }) => name),
      volumes: (spec.volumes ?? []).map(({ name }) => name),
    })
  return byAddress
}

async function* list<Item>(path: string, fieldSelector = ''): AsyncGenerator<Item> {
  let next = ''
  do {
    const query = `limit=${PAGE_SIZE}&fieldSelector=${fieldSelector}&continue=${encodeURIComponent(next)}`
    const page = (await api.get(`${path}?${query}`)) as { items: Item[]; metadata: { continue?: string } }
    yield* page.items
    next = page.metadata.continue ?? ''
  } while (next !== '')
}

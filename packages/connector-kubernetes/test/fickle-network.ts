import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** What stands between an agent and an API server, and fails as networks do. */
export interface FickleNetwork {
  /** Where the API server is reached through it. */
  readonly address: string
  /** Ends every connection. New ones work. */
  cut(): void
  /** Carries nothing more over the connections that are there, and tells neither side. New ones work. */
  mute(): void
  /** Whether new connections are let through. From the beginning they are. */
  let(isOpen: boolean): void
}

/** Leads to a server until the test ends. */
export async function fickleNetwork(to: URL): Promise<FickleNetwork> {
  const pairs = new Set<readonly [Socket, Socket]>()
  let isOpen = true
  const network = createServer((near) => {
    if (!isOpen) return near.destroy()
    const far = connect(Number(to.port), to.hostname)
    const pair = [near, far] as const
    pairs.add(pair)
    for (const [from, onto] of [pair, [far, near] as const]) {
      from.pipe(onto)
      from.on('error', () => onto.destroy())
      from.on('close', () => {
        onto.destroy()
        pairs.delete(pair)
      })
    }
  })
  network.listen(0, '127.0.0.1')
  await once(network, 'listening')
  const cut = (): void => {
    for (const [near] of pairs) near.destroy()
  }
  onTestFinished(() => {
    cut()
    network.close()
  })
  return {
    address: `https://127.0.0.1:${(network.address() as AddressInfo).port}`,
    cut,
    let: (isToBeOpen) => {
      isOpen = isToBeOpen
    },
    mute: () => {
      for (const [near, far] of pairs) {
        for (const socket of [near, far]) {
          socket.unpipe()
          // What still arrives goes nowhere.
          socket.resume()
        }
      }
    },
  }
}

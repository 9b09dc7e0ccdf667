import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { TestContext } from 'vitest'

/** A proxy between an agent and an API server, which fails as networks do. */
export interface FlakyNetwork {
  /** Address of the API server through the proxy. */
  readonly address: string
  /** Closes every connection. New connections work. */
  cut(): void
  /** Drops all data of existing connections without closing them. New connections work. */
  mute(): void
  /** Accepts or rejects new connections. @default accepts */
  let(isOpen: boolean): void
}

/** Proxies a server until the test ends. */
export async function flakyNetwork(to: URL, { onTestFinished }: TestContext): Promise<FlakyNetwork> {
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
          // Discards data that still arrives.
          socket.resume()
        }
      }
    },
  }
}

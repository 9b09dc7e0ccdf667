import type { NetworkLink } from '../server-client.ts'
import { kernelNumber } from './kernel-number.ts'
import type { RootReader } from './root-reader.ts'

/** Flag of an interface that was set up. netdevice(7) */
const IFF_UP = 1

const BITS_PER_MEGABIT = 1e6

/** Reads the state of an interface from `/sys/class/net`. Returns `undefined` if it does not exist (anymore). */
export function readNetworkLink(reader: RootReader, name: string): NetworkLink | undefined {
  const directory = `sys/class/net/${name}`
  const state = reader.optionalText(`${directory}/operstate`)?.trim()
  if (state === undefined) return undefined
  // EINVAL: the interface is down, or has no speed, such as a virtual one. -1 stands for an unknown speed.
  const megabits = kernelNumber(attempt(() => reader.optionalText(`${directory}/speed`)) ?? '')
  return {
    name,
    state,
    isSetUp: (Number(attempt(() => reader.optionalText(`${directory}/flags`)) ?? IFF_UP) & IFF_UP) !== 0,
    carrierChanges: kernelNumber(reader.optionalText(`${directory}/carrier_changes`) ?? ''),
    bitsPerSecond: megabits === undefined || megabits === 0 ? undefined : megabits * BITS_PER_MEGABIT,
    isBridge: reader.exists(`${directory}/bridge`),
  }
}

function attempt<Result>(read: () => Result): Result | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

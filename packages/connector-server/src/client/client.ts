/** The used calls of systeminformation. */
export type SystemInformation = Pick<
  typeof import('systeminformation'),
  'cpu' | 'disksIO' | 'fsSize' | 'fsStats' | 'mem' | 'networkStats' | 'osInfo' | 'processes' | 'system' | 'uuid'
>

export type LibraryAnswer<Call extends keyof SystemInformation> = Awaited<ReturnType<SystemInformation[Call]>>

/** The calls of systeminformation that read processor and hardware. */
export type HardwareInformation = Pick<SystemInformation, 'cpu' | 'system'>

export async function loadSystemInformation(): Promise<SystemInformation> {
  return import('systeminformation')
}

/** Loads a part of systeminformation: the rest of it would stay in the memory of an agent that needs only this. */
export async function loadHardwareInformation(): Promise<HardwareInformation> {
  const [{ cpu }, { system }] = await Promise.all([
    // @ts-expect-error The library has types for its index only.
    import('systeminformation/lib/cpu.js'),
    // @ts-expect-error
    import('systeminformation/lib/system.js'),
  ])
  return { cpu, system }
}

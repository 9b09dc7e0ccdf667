/** The used calls of systeminformation. */
export type SystemInformation = Pick<
  typeof import('systeminformation'),
  'cpu' | 'disksIO' | 'fsSize' | 'fsStats' | 'mem' | 'networkStats' | 'osInfo' | 'processes' | 'system' | 'uuid'
>

export type LibraryAnswer<Call extends keyof SystemInformation> = Awaited<ReturnType<SystemInformation[Call]>>

export async function loadSystemInformation(): Promise<SystemInformation> {
  return import('systeminformation')
}

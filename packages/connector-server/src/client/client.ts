/** The calls of the client library that are used. */
export type SystemInformation = Pick<
  typeof import('systeminformation'),
  'cpu' | 'disksIO' | 'fsSize' | 'fsStats' | 'mem' | 'networkStats' | 'osInfo' | 'processes' | 'system' | 'uuid'
>

/** What a call of the client library answers. */
export type LibraryAnswer<Call extends keyof SystemInformation> = Awaited<ReturnType<SystemInformation[Call]>>

/** Loads the client library. */
export async function loadSystemInformation(): Promise<SystemInformation> {
  return import('systeminformation')
}

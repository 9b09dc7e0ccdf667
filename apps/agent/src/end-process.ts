import { setTimeout as sleep } from 'node:timers/promises'

/** Work that runs in threads of Node: resolution of names, and files. */
const WORK_IN_THREADS = /^(?:GetAddrInfo|GetNameInfo|FSReq)/

/** Time in which reading a file of a disk that answers ends, in milliseconds. */
const MAX_WORK_MS = 200
const CHECK_INTERVAL_MS = 5

/**
 * Ends this process with a code, after up to 200 ms for work that ends by itself. `process.exit` waits for the threads
 * in which Node resolves names and reads files, for minutes if a name server or a share does not answer. While they
 * work, the process becomes another program that ends with the code: threads end with the program. SIGTERM ends that
 * program with another code.
 */
export async function endProcess(code: number): Promise<never> {
  for (let waited = 0; isHeldUp() && waited < MAX_WORK_MS; waited += CHECK_INTERVAL_MS) await sleep(CHECK_INTERVAL_MS)
  // Windows has no execve(2), and ends threads with their process.
  if (isHeldUp() && process.execve !== undefined && process.platform !== 'win32') {
    // Node warns that the function is experimental.
    process.removeAllListeners('warning')
    const words = [process.execPath, ...process.execArgv, '--eval', `process.exit(${code})`]
    process.execve(process.execPath, words, process.env)
  }
  process.exit(code)
}

function isHeldUp(): boolean {
  return process.getActiveResourcesInfo().some((type) => WORK_IN_THREADS.test(type))
}

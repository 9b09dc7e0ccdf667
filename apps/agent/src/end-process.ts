/** Work that runs in threads of Node: resolution of names, and files. */
const WORK_IN_THREADS = /^(?:GetAddrInfo|GetNameInfo|FSReq)/

/**
 * Ends this process with a code. `process.exit` waits for the threads in which Node resolves names and reads files, for
 * minutes if a name server or a share does not answer. While they work, the process becomes another program that ends
 * with the code: threads end with the program.
 */
export function endProcess(code: number): never {
  const isHeldUp = process.getActiveResourcesInfo().some((type) => WORK_IN_THREADS.test(type))
  // Windows has no execve(2), and ends threads with their process.
  if (isHeldUp && process.execve !== undefined && process.platform !== 'win32') {
    // Node warns that the function is experimental.
    process.removeAllListeners('warning')
    const words = [process.execPath, ...process.execArgv, '--eval', `process.exit(${code})`]
    process.execve(process.execPath, words, process.env)
  }
  process.exit(code)
}

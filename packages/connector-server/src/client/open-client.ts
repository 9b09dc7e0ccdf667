import { excludeNames } from '@rca/core/connector'
import type { ServerConfig } from '../config.ts'
import { loadHardwareInformation, loadSystemInformation } from './client.ts'
import { openLinuxClient } from './linux/linux-client.ts'
import { runProgram } from './linux/systemd.ts'
import { openPortableClient } from './portable/portable-client.ts'
import type { ServerClient } from './server-client.ts'

/**
 * Opens the client of this machine: on Linux over the files of the kernel, elsewhere over systeminformation.
 *
 * @throws Error when the machine cannot be read or has no stable identity.
 */
export async function openServerClient(
  config: ServerConfig,
  signal: AbortSignal,
  keyedHash: (text: string) => string,
): Promise<ServerClient> {
  signal.throwIfAborted()
  const options = {
    topProcesses: config.top_processes,
    crashLogLines: config.crash_log_lines,
    wantsInterface: excludeNames(config.exclude_interfaces),
    wantsMount: excludeNames(config.exclude_mounts),
  }
  if (process.platform === 'linux') {
    const watchedFolders = config.watched_folders
    const linux = {
      root: config.root_path,
      loadLibrary: loadHardwareInformation,
      runProgram,
      watchedFolders,
      keyedHash,
      certificatePorts: config.certificate_ports,
    }
    return openLinuxClient({ ...options, ...linux })
  }
  return openPortableClient({ ...options, library: await loadSystemInformation() })
}

import { arch } from 'node:os'
import type { SystemInformation } from '../client.ts'
import { ARCHITECTURES, readAddresses, readHardware } from '../host-facts.ts'
import { readHostname } from '../machine-identity.ts'
import type { HostFacts } from '../server-client.ts'
import { parseOsRelease } from './os-release.ts'
import type { RootReader } from './root-reader.ts'

/**
 * Facts of the host whose root folder is read. Names and versions come from its files: the library knows only the folder
 * that this process has as its root. Processor and hardware are the kernel's, and the same for both.
 */
export async function readLinuxFacts(reader: RootReader, library: SystemInformation): Promise<HostFacts> {
  const release = parseOsRelease(
    reader.optionalText('etc/os-release') ?? reader.optionalText('usr/lib/os-release') ?? '',
  )
  return {
    hostname: readHostname(reader),
    architecture: ARCHITECTURES[arch()] ?? arch(),
    systemType: 'linux',
    systemName: release.get('NAME'),
    systemVersion: release.get('VERSION_ID'),
    systemDescription: release.get('PRETTY_NAME'),
    kernelRelease: reader.optionalText('proc/sys/kernel/osrelease')?.trim(),
    bootId: reader.optionalText('proc/sys/kernel/random/boot_id')?.trim(),
    ...(await readHardware(library)),
    // A container has addresses of its own.
    ...(reader.root === '/' ? readAddresses() : { addresses: undefined, hardwareAddresses: undefined }),
  }
}

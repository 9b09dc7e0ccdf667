import { arch } from 'node:os'
import type { HardwareInformation } from '../client.ts'
import { ARCHITECTURES, readAddresses, readHardware } from '../host-facts.ts'
import { readHostname } from '../machine-identity.ts'
import type { HostFacts } from '../server-client.ts'
import type { RootReader } from './root-reader.ts'

/**
 * Reads the facts of the host below the reader's root. Names and versions come from its files, since the library knows
 * only the root of this process. Processor and hardware come from the kernel, which is the same for both.
 */
export async function readLinuxHostFacts(reader: RootReader, library: HardwareInformation): Promise<HostFacts> {
  const release = parseOsRelease(reader.hostText('etc/os-release') ?? reader.hostText('usr/lib/os-release') ?? '')
  const { hostname, problem } = readHostname(reader)
  return {
    hostname,
    hostnameProblem: problem,
    architecture: ARCHITECTURES[arch()] ?? arch(),
    systemType: 'linux',
    systemName: release.get('NAME'),
    systemVersion: release.get('VERSION_ID'),
    systemDescription: release.get('PRETTY_NAME'),
    kernelRelease: reader.optionalText('proc/sys/kernel/osrelease')?.trim(),
    bootId: reader.optionalText('proc/sys/kernel/random/boot_id')?.trim(),
    ...(await readHardware(library)),
    // A container has its own addresses, not those of the host.
    ...(reader.root === '/' ? readAddresses() : { addresses: undefined, hardwareAddresses: undefined }),
  }
}

/** Parses os-release(5): `NAME=value` lines, quoted as for a shell. */
export function parseOsRelease(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [, name, value] = /^([A-Z][A-Z0-9_]*)=(.*)$/.exec(line.trim()) ?? []
    if (name !== undefined && value !== undefined) values.set(name, unquote(value))
  }
  return values
}

function unquote(value: string): string {
  const quoted = /^(['"])(.*)\1$/.exec(value)?.[2] ?? value
  return quoted.replaceAll(/\\(.)/g, '$1')
}

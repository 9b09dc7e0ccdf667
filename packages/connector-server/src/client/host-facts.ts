import { arch, networkInterfaces, platform } from 'node:os'
import type { HardwareInformation, SystemInformation } from './client.ts'
import type { HostFacts } from './server-client.ts'

/** Names of OpenTelemetry for architectures that Node names differently. */
export const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: 'x86', arm: 'arm32' }
const SYSTEM_TYPES: Readonly<Record<string, string>> = { win32: 'windows', sunos: 'solaris' }

/** Reads host facts through systeminformation. Starts programs, so call it rarely. */
export async function readHostFacts(library: SystemInformation): Promise<HostFacts> {
  const [system, hardware] = await Promise.all([library.osInfo(), readHardware(library)])
  const name = known(system.distro)
  const version = known(system.release)
  const parts = [name, version, known(system.codename)].filter((part) => part !== undefined)
  return {
    hostname: system.hostname,
    hostnameProblem: undefined,
    architecture: ARCHITECTURES[arch()] ?? arch(),
    systemType: SYSTEM_TYPES[platform()] ?? platform(),
    systemName: name,
    systemVersion: version,
    systemDescription: name === undefined ? undefined : parts.join(' '),
    kernelRelease: known(system.kernel),
    bootId: undefined,
    ...hardware,
    ...readAddresses(),
  }
}

type Hardware = Pick<HostFacts, 'cpuModel' | 'cpuVendor' | 'physicalCores' | 'manufacturer' | 'model' | 'hypervisor'>

export async function readHardware(library: HardwareInformation): Promise<Hardware> {
  const [cpu, machine] = await Promise.all([library.cpu(), library.system()])
  return {
    cpuModel: [known(cpu.manufacturer), known(cpu.brand)].filter((part) => part !== undefined).join(' ') || undefined,
    cpuVendor: known(cpu.vendor),
    physicalCores: cpu.physicalCores > 0 ? cpu.physicalCores : undefined,
    manufacturer: known(machine.manufacturer),
    // The library reports this in containers, where the firmware cannot be read.
    model: machine.model === 'Docker Container' ? undefined : known(machine.model),
    hypervisor: machine.virtual ? known(machine.virtualHost ?? '') : undefined,
  }
}

/** Returns the addresses of the network interfaces that other hosts can reach. */
export function readAddresses(interfaces = networkInterfaces()): Pick<HostFacts, 'addresses' | 'hardwareAddresses'> {
  const reachable = Object.values(interfaces)
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith('fe80:'))
  return {
    addresses: [...new Set(reachable.map(({ address }) => address))].toSorted(),
    hardwareAddresses: [...new Set(reachable.map(({ mac }) => mac))].toSorted(),
  }
}

/** Maps an empty text, `-` and `unknown`, which the library uses for unknown values, to `undefined`. */
function known(text: string | undefined): string | undefined {
  return text === undefined || text === '' || text === '-' || text.toLowerCase() === 'unknown' ? undefined : text
}

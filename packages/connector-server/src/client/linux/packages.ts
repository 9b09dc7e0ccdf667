import { readdirSync, statSync } from 'node:fs'
import type { PackageVersions } from '../server-client.ts'
import type { RootReader } from './root-reader.ts'
import type { RunProgram } from './systemd.ts'

interface PackageManager {
  /** Files that change with every change of a package. Those that exist are used. */
  readonly files: readonly string[]
  /** Returns the name and version of every package, several times for several versions. */
  list(reader: RootReader, runProgram: RunProgram, signal: AbortSignal): Promise<readonly (readonly [string, string])[]>
}

const QUERY_FORMAT = String.raw`%{NAME}\t%|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}\n`

const MANAGERS: readonly PackageManager[] = [
  {
    files: ['var/lib/dpkg/status'],
    list: async (reader) => parseDpkgStatus(reader.optionalText('var/lib/dpkg/status') ?? ''),
  },
  {
    files: ['lib/apk/db/installed', 'usr/lib/apk/db/installed'],
    list: async (reader) =>
      parseApkDatabase(
        reader.optionalText('lib/apk/db/installed') ?? reader.optionalText('usr/lib/apk/db/installed') ?? '',
      ),
  },
  {
    files: ['var/lib/pacman/local'],
    list: async (reader) =>
      readdirSync(reader.resolve('var/lib/pacman/local')).flatMap((entry) => {
        const [, name, version] = /^(.+)-([^-]+-[^-]+)$/.exec(entry) ?? []
        return name === undefined || version === undefined ? [] : [[name, version] as const]
      }),
  },
  {
    files: ['usr/lib/sysimage/rpm', 'var/lib/rpm'].flatMap((folder) =>
      ['rpmdb.sqlite', 'rpmdb.sqlite-wal', 'Packages.db', 'Packages'].map((file) => `${folder}/${file}`),
    ),
    list: async (reader, runProgram, signal) => {
      const words = ['--root', reader.root, '-qa', '--queryformat', QUERY_FORMAT]
      const text = await runProgram('rpm', reader.root === '/' ? words.slice(2) : words, signal)
      return text.split('\n').flatMap((line) => {
        const [name = '', version = ''] = line.split('\t')
        return version === '' ? [] : [[name, version] as const]
      })
    },
  },
]

/** Creates a reader of the installed packages. It returns the same object until their database has changed. */
export function createPackageReader(
  reader: RootReader,
  runProgram: RunProgram,
): (signal: AbortSignal) => Promise<PackageVersions | undefined> {
  let lastStamp = ''
  let last: PackageVersions | undefined
  return async (signal) => {
    const stampOf = ({ files }: PackageManager): string => files.map((file) => fileStamp(reader.resolve(file))).join('')
    const manager = MANAGERS.find((one) => stampOf(one) !== '')
    if (manager === undefined) return undefined
    const stamp = stampOf(manager)
    if (stamp === lastStamp) return last
    last = groupVersions(await manager.list(reader, runProgram, signal))
    lastStamp = stamp
    return last
  }
}

/** Returns a text that changes with the file, and an empty one if it does not exist. */
function fileStamp(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false, bigint: true })
  return stats === undefined ? '' : `${stats.ino}/${stats.size}/${stats.mtimeNs} `
}

function groupVersions(packages: readonly (readonly [string, string])[]): PackageVersions {
  const versions = new Map<string, Set<string>>()
  for (const [name, version] of packages) {
    const known = versions.get(name)
    if (known === undefined) versions.set(name, new Set([version]))
    else known.add(version)
  }
  return Object.fromEntries([...versions].map(([name, all]) => [name, [...all].toSorted().join(', ')]))
}

/** Parses the database of dpkg. A package that is being upgraded counts as installed. */
export function parseDpkgStatus(text: string): (readonly [string, string])[] {
  return text.split('\n\n').flatMap((stanza) => {
    const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, 'm').exec(stanza)?.[1]
    const [name, status, version] = [field('Package'), field('Status'), field('Version')]
    const isAbsent = status === undefined || /(?:not-installed|config-files)$/.test(status)
    return name === undefined || version === undefined || isAbsent ? [] : [[name, version] as const]
  })
}

function parseApkDatabase(text: string): (readonly [string, string])[] {
  return text.split('\n\n').flatMap((stanza) => {
    const [, name] = /^P:(.*)$/m.exec(stanza) ?? []
    const [, version] = /^V:(.*)$/m.exec(stanza) ?? []
    return name === undefined || version === undefined ? [] : [[name, version] as const]
  })
}

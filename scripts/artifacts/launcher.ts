import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ArchiveFile } from './archive.ts'

/** Makes `bin/rca-agent`, or `bin/rca-agent.cmd` for Windows: starts the agent with the archive's own Node. */
export function makeLauncher(root: string, platform: string): ArchiveFile {
  const flags = agentFlags(root)
  if (platform.startsWith('win')) return { path: 'bin/rca-agent.cmd', content: forWindows(flags) }
  return { path: 'bin/rca-agent', content: forShell(flags), isExecutable: true }
}

/**
 * Flags of Node that replace or complement those of `apps/agent/bin/rca-agent.js`. Most archives run on servers, whose
 * agent reads little: it is idle with less memory, and each collection takes some more CPU.
 */
const IDLE_FLAGS = [
  '--max-semi-space-size=4',
  '--heap-growing-percent=50',
  '--v8-pool-size=1',
  '--no-sparkplug',
  // The parser of HTTP in fetch is WebAssembly: its optimising compiler is the only one that is left, and costs 5 MB.
  '--liftoff-only',
  '--memory-saver-mode',
  // Pages of collected objects go back to the system at once.
  '--no-memory-pool',
  // Without optimising compilers, a second mapping of the built-in functions saves no time.
  '--no-short-builtin-calls',
  // Two more full collections after each busy moment: `idle-memory.ts` collects often enough, with less CPU.
  '--no-memory-reducer',
  // SIGUSR1 would open a debugger.
  '--disable-sigusr1',
  // For `apps/agent/src/idle-memory.ts`.
  '--expose-gc',
]

/** Reads the flags of Node from `apps/agent/bin/rca-agent.js`, where they are explained, and adds those above. */
function agentFlags(root: string): string {
  const [firstLine = ''] = readFileSync(join(root, 'apps/agent/bin/rca-agent.js'), 'utf8').split('\n', 1)
  const common = firstLine.split(' ').filter((word) => word.startsWith('--') && !word.startsWith('--conditions'))
  const byName = new Map([...common, ...IDLE_FLAGS].map((flag) => [flag.replace(/=.*/, ''), flag]))
  return [...byName.values()].join(' ')
}

function forShell(flags: string): string {
  return `#!/bin/sh
# Starts the Incident RCA (root-cause analysis) agent with the Node.js of its own folder.
file=$0
while [ -L "$file" ]; do
  target=$(readlink "$file")
  case $target in
    /*) file=$target ;;
    *) file=$(dirname "$file")/$target ;;
  esac
done
folder=$(CDPATH='' cd -P "$(dirname "$file")/.." && pwd) || exit 1
# glibc would keep an arena and a cache for each thread, and much of what was freed.
export MALLOC_ARENA_MAX=1
export GLIBC_TUNABLES=glibc.malloc.trim_threshold=65536:glibc.malloc.mmap_threshold=32768:glibc.malloc.top_pad=0:glibc.malloc.tcache_count=0
exec "$folder/bin/node" ${flags} "$folder/app/dist/main.js" "$@"
`
}

function forWindows(flags: string): string {
  return [
    '@rem Starts the Incident RCA (root-cause analysis) agent with the Node.js of its own folder.',
    `@"%~dp0node.exe" ${flags} "%~dp0..\\app\\dist\\main.js" %*`,
    '',
  ].join('\r\n')
}

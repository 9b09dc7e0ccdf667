import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ArchiveFile } from './archive.ts'

/** Makes `bin/rca-agent`, or `bin/rca-agent.cmd` for Windows: starts the agent with the archive's own Node. */
export function makeLauncher(root: string, platform: string): ArchiveFile {
  const flags = agentFlags(root)
  if (platform.startsWith('win')) return { path: 'bin/rca-agent.cmd', content: forWindows(flags) }
  return { path: 'bin/rca-agent', content: forShell(flags), isExecutable: true }
}

/** Reads the flags of Node from `apps/agent/bin/rca-agent.js`, where they are explained. */
function agentFlags(root: string): string {
  const [firstLine = ''] = readFileSync(join(root, 'apps/agent/bin/rca-agent.js'), 'utf8').split('\n', 1)
  return firstLine
    .split(' ')
    .filter((word) => word.startsWith('--') && !word.startsWith('--conditions'))
    .join(' ')
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
# A single arena of malloc saves memory: glibc would otherwise keep one for each thread.
export MALLOC_ARENA_MAX=1
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

import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { privilegedTest } from '@rca/rig/real'
import { expect, onTestFinished, vi } from 'vitest'
import { findFileWriters } from './file-writers.ts'
import { createRootReader } from './root-reader.ts'

const canMount = existsSync('/proc/self/mountinfo') && spawnSync('unshare', ['--mount', 'true']).status === 0

/** Mounts a filesystem, and keeps files open: a large deleted one, a small one, and one that is only read. */
const SCRIPT = `
mount -t tmpfs shop /mnt
exec 3>/mnt/access.log 4>/mnt/small.log 5</dev/null
head -c 3m /dev/zero >&3
rm /mnt/access.log
echo 1 >&4
head -c 9m /dev/zero >/mnt/read-only
exec 5</mnt/read-only
echo ready
read -r line
`

privilegedTest('finds the largest files that are open for writing, also deleted ones', canMount, async () => {
  const words = ['--mount', '--propagation', 'private', 'sh', '-c', SCRIPT]
  const child = spawn('unshare', words, { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => void child.stdin.end())
  let output = ''
  child.stdout.on('data', (text) => {
    output += text
  })
  await vi.waitFor(() => expect(output).toContain('ready'), { timeout: 30_000 })
  const reader = createRootReader('/')
  expect(await findFileWriters(reader, `proc/${child.pid}/mountinfo`, '/mnt', 3)).toEqual([
    { pid: child.pid, name: 'sh', path: '/mnt/access.log (deleted)', size: 3 << 20 },
    { pid: child.pid, name: 'sh', path: '/mnt/small.log', size: 4096 },
  ])
  expect(await findFileWriters(reader, `proc/${child.pid}/mountinfo`, '/proc', 3)).toEqual([])
})

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { privilegedTest } from '@rca/rig/real'
import { expect, onTestFinished } from 'vitest'
import { temporaryDirectory } from './fakes.ts'

const canUnshare = spawnSync('unshare', ['--mount', '--net', 'ip', 'link', 'set', 'lo', 'up']).status === 0

/** Makes 127.0.0.1 the name server of a network namespace, with a patience of minutes. */
const SCRIPT = `
ip link set lo up
printf 'nameserver 127.0.0.1\\noptions timeout:30 attempts:5\\n' >"$1"
mount --bind "$1" /etc/resolv.conf
shift
exec "$@"
`

privilegedTest('a process ends with its code while a name server does not answer', canUnshare, async () => {
  const file = join(temporaryDirectory(), 'resolv.conf')
  const program = [process.execPath, '--conditions=@rca/source', join(import.meta.dirname, 'hanging-lookup-once.ts')]
  const words = ['--mount', '--net', '--propagation', 'private', 'sh', '-c', SCRIPT, 'sh', file, ...program]
  const child = spawn('unshare', words, { stdio: ['ignore', 'inherit', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let errors = ''
  child.stderr.on('data', (text) => {
    errors += text
  })
  const [code] = await once(child, 'close')
  expect(code).toBe(3)
  expect(errors).toBe('')
})

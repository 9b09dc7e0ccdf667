/**
 * Mounts filesystems whose server answers the first message and no other, collects once, reads the files beside and in
 * them, and prints the report and the files as JSON. Runs as root in a mount namespace of its own. The filesystems end
 * with this process.
 *
 * Usage: collect-hanging-once.ts FOLDER COUNT
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { createAgent } from '@rca/core'
import { createRootReader } from '../src/client/linux/root-reader.ts'
import { createSharedFileReader } from '../src/client/linux/shared-files.ts'
import { findShares } from '../src/client/linux/shares.ts'
import { createWatchedFiles } from '../src/client/linux/watched-files.ts'
import { server } from '../src/index.ts'

const [folder = '', count = '1'] = process.argv.slice(2)
for (let number = 1; number <= Number(count); number += 1) mountHanging(join(folder, `hanging-${number}`))

const agent = createAgent({ connector: server, platformUrl: 'http://127.0.0.1:1', agentToken: 'none' })
const report = await agent.collectMetrics()
await agent.stop()

const reader = createRootReader('/')
const shares = () => findShares(reader, 'proc/self/mountinfo', [folder])
const local = createWatchedFiles({ root: '/', folders: [folder], keyedHash: (text) => text, findShares: shares })
const files = Object.keys(await local.read(new Date()))
const readShared = createSharedFileReader({ resolve: reader.resolve, findShares: shares, timeoutMs: 200 })
const shared = await readShared(new AbortController().signal)
process.stdout.write(JSON.stringify({ ...report.data, files, shared }))

/** Mounts a filesystem of fuse(4) and answers FUSE_INIT. libfuse is not needed for that. */
function mountHanging(path: string): void {
  mkdirSync(path)
  const device = openSync('/dev/fuse', 'r+')
  const options = 'fd=3,rootmode=40000,user_id=0,group_id=0'
  execFileSync('mount', ['-i', '-t', 'fuse.hanging', '-o', options, 'hanging', path], {
    stdio: ['ignore', 'ignore', 'inherit', device],
    // The newer system call waits for the first answer.
    env: { ...process.env, LIBMOUNT_FORCE_MOUNT2: 'always' },
  })
  const request = Buffer.alloc(65_536)
  readSync(device, request)
  const answer = Buffer.alloc(40)
  answer.writeUInt32LE(answer.length, 0)
  request.copy(answer, 8, 8, 16)
  // Protocol 7.12, whose answer has 24 bytes.
  answer.writeUInt32LE(7, 16)
  answer.writeUInt32LE(12, 20)
  answer.writeUInt32LE(65_536, 36)
  writeSync(device, answer)
}

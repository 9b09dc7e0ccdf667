import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../run.ts'
import { docker } from './docker-cli.ts'

/** Image of test containers. No other program uses its name: an image of another origin may lack programs. */
export const BUSYBOX_IMAGE = 'rca-rig-busybox:local'

/** Imports the image, made of this machine's static busybox, unless the engine has it. */
export async function importBusybox(dockerHost: string): Promise<void> {
  const known = await docker(dockerHost, ['images', '--quiet', BUSYBOX_IMAGE])
  if (known !== '') return
  const program = await staticBusybox()
  const root = mkdtempSync(join(tmpdir(), 'rca-busybox-'))
  try {
    for (const directory of ['bin', 'etc', 'tmp']) mkdirSync(join(root, directory))
    await copyFile(program, join(root, 'bin/busybox'))
    const applets = (await run(program, ['--list'])).split('\n').filter((name) => name !== '' && name !== 'busybox')
    for (const name of applets) symlinkSync('busybox', join(root, 'bin', name))
    writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n')
    await importFolder(dockerHost, root, ['--change', 'CMD ["sh"]', BUSYBOX_IMAGE])
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

/** Creates an image from a directory. @param args options and, last, the name of the image */
export async function importFolder(
  dockerHost: string | undefined,
  directory: string,
  args: readonly string[],
): Promise<void> {
  const options = args.slice(0, -1)
  const archive = join(directory, '..', `${directory.split('/').at(-1)}.tar`)
  try {
    await run('tar', ['--numeric-owner', '--owner=0', '--group=0', '-C', directory, '-cf', archive, '.'])
    await docker(dockerHost, ['import', ...options, archive, args.at(-1) ?? ''])
  } finally {
    rmSync(archive, { force: true })
  }
}

async function staticBusybox(): Promise<string> {
  const program = (await run('sh', ['-c', 'command -v busybox || true'])).trim()
  if (program === '') throw new Error('busybox is not installed. On Debian: apt-get install busybox-static')
  const linked = await run('sh', ['-c', 'ldd "$1" 2>&1 || true', 'sh', program])
  if (!/not a dynamic executable|statically linked/.test(linked))
    throw new Error(`${program} is dynamically linked. Install a static one; on Debian: apt-get install busybox-static`)
  return program
}

/** Image of the container that holds the network of a pod. */
export const PAUSE_IMAGE = 'pause:local'

/** Ends on SIGTERM, which the first process of a container ignores by default. */
export const PAUSE_SCRIPT = `trap 'exit 0' TERM INT; while :; do sleep 86400 & wait $!; done`

/** Creates the image from `BUSYBOX_IMAGE`. */
export async function makePauseImage(dockerHost: string): Promise<void> {
  const container = await docker(dockerHost, ['create', BUSYBOX_IMAGE])
  const entrypoint = `ENTRYPOINT ${JSON.stringify(['sh', '-c', PAUSE_SCRIPT])}`
  await docker(dockerHost, ['commit', '--change', entrypoint, '--change', 'CMD []', container, PAUSE_IMAGE])
  await docker(dockerHost, ['rm', container])
}

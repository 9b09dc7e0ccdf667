import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../run.ts'
import { docker } from './docker-cli.ts'

/** The image of which test containers are made. */
export const BUSYBOX_IMAGE = 'busybox:local'

/** Gives the engine the image, made from this machine's static busybox, unless it has it. */
export async function importBusybox(dockerHost: string): Promise<void> {
  const known = await docker(dockerHost, ['images', '--quiet', BUSYBOX_IMAGE])
  if (known !== '') return
  const program = await staticBusybox()
  const root = mkdtempSync(join(tmpdir(), 'rca-busybox-'))
  try {
    for (const folder of ['bin', 'etc', 'tmp']) mkdirSync(join(root, folder))
    await copyFile(program, join(root, 'bin/busybox'))
    const applets = (await run(program, ['--list'])).split('\n').filter((name) => name !== '' && name !== 'busybox')
    for (const name of applets) symlinkSync('busybox', join(root, 'bin', name))
    writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n')
    await importFolder(dockerHost, root, ['--change', 'CMD ["sh"]', BUSYBOX_IMAGE])
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

/** Makes an image of a folder. `words` are options and, last, its name. */
export async function importFolder(
  dockerHost: string | undefined,
  folder: string,
  words: readonly string[],
): Promise<void> {
  const options = words.slice(0, -1)
  const archive = join(folder, '..', `${folder.split('/').at(-1)}.tar`)
  try {
    await run('tar', ['--numeric-owner', '--owner=0', '--group=0', '-C', folder, '-cf', archive, '.'])
    await docker(dockerHost, ['import', ...options, archive, words.at(-1) ?? ''])
  } finally {
    rmSync(archive, { force: true })
  }
}

async function staticBusybox(): Promise<string> {
  const program = (await run('sh', ['-c', 'command -v busybox || true'])).trim()
  if (program === '') throw new Error('busybox is not installed. On Debian: apt-get install busybox-static')
  const linked = await run('sh', ['-c', 'ldd "$1" 2>&1 || true', 'sh', program])
  if (!/not a dynamic executable|statically linked/.test(linked))
    throw new Error(`${program} needs libraries. Install a static one; on Debian: apt-get install busybox-static`)
  return program
}

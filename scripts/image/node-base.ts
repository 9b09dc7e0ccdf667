import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { hasProgram, importFolder, run } from '@rca/rig'

/** Files of this machine that programs look for by name. */
const SYSTEM_FILES = ['/etc/ssl/certs/ca-certificates.crt', '/etc/nsswitch.conf']

/** Makes an image of the running Node and its libraries, unless the engine has that image. Returns its name. */
export async function makeNodeBase(): Promise<string> {
  const name = `rca-node-base:${process.versions.node}`
  if ((await run('docker', ['images', '--quiet', name])).trim() !== '') return name
  const root = mkdtempSync(join(tmpdir(), 'rca-node-base-'))
  try {
    const node = join(root, 'usr/local/bin/node')
    copyTo(process.execPath, node)
    // Symbols are half of the file.
    if (await hasProgram('strip')) await run('strip', [node])
    chmodSync(node, 0o755)
    for (const file of [...(await librariesOf(process.execPath)), ...SYSTEM_FILES.filter((file) => existsSync(file))])
      copyTo(file, join(root, file))
    for (const folder of ['etc', 'tmp', 'var/lib']) mkdirSync(join(root, folder), { recursive: true })
    chmodSync(join(root, 'tmp'), 0o1777)
    writeFileSync(
      join(root, 'etc/passwd'),
      'root:x:0:0:root:/:/sbin/nologin\nrca-agent:x:10001:10001::/var/lib/rca-agent:/sbin/nologin\n',
    )
    writeFileSync(join(root, 'etc/group'), 'root:x:0:\nrca-agent:x:10001:\n')
    const path = 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
    await importFolder(undefined, root, ['--change', path, name])
    return name
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

/** Copies a file, or the target of a link. */
function copyTo(file: string, copy: string): void {
  mkdirSync(dirname(copy), { recursive: true })
  copyFileSync(file, copy)
}

/** Lists the libraries of a program, including the dynamic loader. */
async function librariesOf(program: string): Promise<string[]> {
  const lines = (await run('ldd', [program])).split('\n')
  const paths = lines.flatMap((line) => /(?:=> )?(\/\S+) \(0x/.exec(line)?.[1] ?? [])
  if (!paths.some((path) => basename(path).startsWith('ld-')))
    throw new Error(`${program} is not linked as on GNU/Linux: set NODE_IMAGE to an image that has node`)
  return paths
}

/**
 * Runs a benchmark: `npm run bench -- NAME` runs `bench/NAME.bench.ts` of the package that has it, in a process of its
 * own. Without a name it lists all benchmarks. Further arguments are passed on.
 */
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const benches = new Map(
  globSync('{packages,apps}/*/bench/*.bench.ts', { cwd: root })
    .sort()
    .map((file) => [basename(file, '.bench.ts'), file]),
)

const [name, ...rest] = process.argv.slice(2)
const file = name === undefined ? undefined : benches.get(name)

if (file !== undefined) {
  const options = ['--conditions=@rca/source', '--expose-gc']
  const { status } = spawnSync(process.execPath, [...options, file, ...rest], { cwd: root, stdio: 'inherit' })
  process.exitCode = status ?? 1
} else {
  if (name !== undefined) {
    console.error(`Unknown benchmark \`${name}\`.`)
    process.exitCode = 1
  }
  console.log('Benchmarks (npm run bench -- NAME):')
  for (const [bench, path] of benches) console.log(`  ${bench.padEnd(24)} ${path}`)
}

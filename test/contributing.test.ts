import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { filesIn, sectionOf } from './code-blocks.ts'
import { repository } from './user-shell.ts'

const guide = readFileSync(join(repository, 'CONTRIBUTING.md'), 'utf8')

/** Inserts the added lines of a difference, each in front of the line that follows it. */
function insertLines(text: string, difference: string): string {
  const lines = text.split('\n')
  const added: string[] = []
  for (const line of difference.split('\n')) {
    if (line.startsWith('+')) added.push(line.slice(1))
    else if (line !== '') lines.splice(lines.indexOf(line.slice(1)), 0, ...added.splice(0))
  }
  return lines.join('\n')
}

describe('the steps of CONTRIBUTING.md', () => {
  test('to add a server collector take at most 4 files, and yield a connector with the collector and its signals', () => {
    const home = mkdtempSync(join(tmpdir(), 'rca-collector-'))
    onTestFinished(() => rmSync(home, { recursive: true }))
    const folder = join(home, 'packages/connector-server')
    mkdirSync(folder, { recursive: true })
    for (const name of ['src', 'package.json'])
      cpSync(join(repository, 'packages/connector-server', name), join(folder, name), { recursive: true })
    symlinkSync(join(repository, 'packages/connector-server/node_modules'), join(folder, 'node_modules'))
    const files = filesIn(sectionOf(guide, '### A collector'))
    expect(files.size).toBeLessThanOrEqual(4)
    for (const [path, content] of files) {
      const file = join(home, path)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, path.endsWith('connector.ts') ? insertLines(readFileSync(file, 'utf8'), content) : content)
    }
    const program = `import('./src/index.ts').then(({ server }) => console.log(JSON.stringify([
      Object.keys(server.collectors), Object.values(server.signals).map(({ name }) => name)])))`
    const output = execFileSync(process.execPath, ['--conditions=@rca/source', '-e', program], { cwd: folder })
    const [collectors, signals] = JSON.parse(output.toString()) as [string[], string[]]
    expect(collectors).toContain('entropy')
    expect(signals).toContain('system.entropy')
  })

  const rows = [...guide.matchAll(/^\| ([^|]+?) +\| (\d) +\| `(\w+)` in `([^`]+)` +\|$/gm)]
  test.each(rows.map(([, what = '', files = '', name = '', folder = '']) => ({ what, files, name, folder })))(
    'to add $what take as many source files as the table says, such as $name',
    ({ files, name, folder }) => {
      const found = execFileSync('git', ['grep', '-lw', name, '--', `${folder}/src/*.ts`], { cwd: repository })
      const sources = found
        .toString()
        .trim()
        .split('\n')
        .filter((file) => !file.endsWith('.test.ts'))
      expect(sources.length).toBeLessThanOrEqual(Number(files))
    },
  )

  test('name a collector, a kind, a route and an option', () => {
    const limits = [4, 4, 3, 2]
    expect(rows).toHaveLength(4)
    rows.forEach(([, , files], index) => {
      expect(Number(files)).toBeLessThanOrEqual(limits[index] ?? 0)
    })
  })
})

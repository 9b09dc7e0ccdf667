import { spawnSync } from 'node:child_process'
import { generateKeyPairSync, sign } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { Language, type Node, Parser } from 'web-tree-sitter'
import { SERVICE_EXIT_CODES } from '../src/service/service-error.ts'

/** Values that the platform inserts for placeholders. */
const VALUES: Readonly<Record<string, string>> = {
  PLATFORM_URL: "'https://rca.example.com/it''s'",
  VERSION: "'1.2.0'",
  SUMS_SHA256: `'${'0'.repeat(64)}'`,
  PUBLIC_KEY: "'RWQ='",
}

const template = readFileSync(new URL('../install/agent.ps1', import.meta.url), 'utf8')
const script = template.replaceAll(/@([A-Z][A-Z0-9_]*)@/g, (placeholder, name: string) => VALUES[name] ?? placeholder)

function isInFunction({ type, parent }: Node): boolean {
  return type === 'function_statement' || (parent !== null && isInFunction(parent))
}

describe('agent.ps1', () => {
  let parser: Parser

  beforeAll(async () => {
    await Parser.init()
    const grammar = new URL(import.meta.resolve('tree-sitter-powershell/tree-sitter-powershell.wasm'))
    parser = new Parser().setLanguage(await Language.load(readFileSync(grammar)))
  })

  const parse = (text: string): Node => {
    const tree = parser.parse(text)
    if (tree === null) throw new Error('The parser has no language')
    return tree.rootNode
  }
  const textsOf = (node: Node, type: string): string[] => node.descendantsOfType(type).map((found) => found?.text ?? '')

  test('has a placeholder for each value, in an assignment', () => {
    for (const name of Object.keys(VALUES)) expect(template).toMatch(new RegExp(`^\\$RcaAgent\\w+ = @${name}@$`, 'm'))
    expect(script).not.toMatch(/@[A-Z][A-Z0-9_]*@/)
  })

  test('is PowerShell', () => {
    const root = parse(script)
    expect(root.descendantsOfType('ERROR').map((node) => node?.text)).toEqual([])
    expect(root.hasError).toBe(false)
  })

  test('defines every function that it calls, and runs nothing by itself', () => {
    const root = parse(script)
    const defined = textsOf(root, 'function_name')
    expect(defined).toEqual(expect.arrayContaining(['Install-RcaAgent', 'Uninstall-RcaAgent']))
    const called = new Set(textsOf(root, 'command_name').filter((name) => name.includes('RcaAgent')))
    expect(defined.filter((name) => !called.has(name))).toEqual(['Install-RcaAgent', 'Uninstall-RcaAgent'])
    expect([...called].filter((name) => !defined.includes(name))).toEqual([])
    const outside = root
      .descendantsOfType('command')
      .filter((command) => command !== null && !isInFunction(command) && !command.text.startsWith('. {'))
    expect(outside.map((command) => command?.text)).toEqual([])
  })

  test('does not parse when its download was cut', () => {
    const parts = Array.from({ length: 50 }, (_, index) => Math.floor((script.trimEnd().length * (index + 1)) / 51))
    const start = script.indexOf('. {')
    const complete = [...parts, script.trimEnd().length - 1].filter(
      (end) => end > start + 2 && !parse(script.slice(0, end)).hasError,
    )
    expect(complete).toEqual([])
  })

  test.each([
    ['accepts the signature of the list', (sums: string) => sums, 0],
    ['refuses the signature of another list', (sums: string) => `${sums} `, 25],
  ])('%s with the script that it gives to Node', (_name, change, status) => {
    const folder = mkdtempSync(join(tmpdir(), 'rca-signature-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const { publicKey, privateKey } = generateKeyPairSync('ed25519')
    const encode = (bytes: Buffer) => Buffer.concat([Buffer.from('Ed01234567'), bytes]).toString('base64')
    const file = (name: string, text: string) => {
      writeFileSync(join(folder, name), text)
      return join(folder, name)
    }
    const check = file('check.cjs', /@'\r?\n(const \{ createPublicKey.*?)'@/s.exec(template)?.[1] ?? '')
    const key = encode(publicKey.export({ type: 'spki', format: 'der' }).subarray(-32))
    const sums = file('sums', change('list'))
    const signature = file(
      'signature',
      `untrusted comment: x\n${encode(sign(null, Buffer.from('list'), privateKey))}\n`,
    )
    expect(spawnSync(process.execPath, [check, key, sums, signature]).status).toBe(status)
  })

  test('ends with the exit codes of the other installers, and the README lists its parameters', () => {
    const codes = [...script.matchAll(/\b(?:Stop-RcaAgent|Invoke-RcaAgentProgram) (\d+)/g)].map(([, code]) =>
      Number(code),
    )
    expect(codes.length).toBeGreaterThan(20)
    expect(Object.values(SERVICE_EXIT_CODES)).toEqual(expect.arrayContaining(codes))
    const [install] = parse(script).descendantsOfType('param_block')
    const names = textsOf(install as Node, 'script_parameter').map((text) => /\$(\w+)/.exec(text)?.[1])
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
    const [, sentence = ''] = /Parameters: ([^.]*)\./.exec(readme) ?? []
    const listed = [...sentence.matchAll(/`-(\w+)`/g)].map(([, name]) => name)
    // Constants such as `$true` are in attributes. The settings are words without a name.
    expect(listed.toSorted()).toEqual(names.filter((name) => name !== 'true' && name !== 'Setting').toSorted())
  })

  test('contains only ASCII, which every code page of Windows reads', () => {
    expect(template).toMatch(/^[\x20-\x7e\r\n]*$/)
  })

  test('never ends the window of its user', () => {
    expect(textsOf(parse(script), 'flow_control_statement').filter((text) => /^exit\b/i.test(text))).toEqual([])
  })
})

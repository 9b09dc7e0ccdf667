import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { INSTALLERS, renderInstaller } from './render-installer.ts'

describe('renderInstaller', () => {
  test.each([
    ['agent.sh', String.raw`'it'\''s \ "$HOME"'`],
    ['agent.ps1', String.raw`'it''s \ "$HOME"'`],
    ['agent.rb', String.raw`'it\'s \\ "$HOME"'`],
  ] as const)('quotes a value for %s', (installer, quoted) => {
    expect(renderInstaller(installer, 'a = @A@\nb = @B2_C@, @A@\n', { A: String.raw`it's \ "$HOME"`, B2_C: '' })).toBe(
      `a = ${quoted}\nb = '', ${quoted}\n`,
    )
  })

  test('quotes typographic quotes for PowerShell', () => {
    expect(renderInstaller('agent.ps1', '@A@', { A: '\u2018\u2019\u201a\u201b' })).toBe(
      "'\u2018\u2018\u2019\u2019\u201a\u201a\u201b\u201b'",
    )
  })

  test('keeps placeholders in a value', () => {
    expect(renderInstaller('agent.sh', '@A@', { A: '@B@ $& $1' })).toBe("'@B@ $& $1'")
  })

  test('keeps other uses of @', () => {
    const text = 'user@EXAMPLE.com @Words @( @\' "$@" @a@ @@ @{ X = 1 }'
    for (const installer of INSTALLERS) expect(renderInstaller(installer, text, {})).toBe(text)
  })

  test.each(['@UNKNOWN@', 'x=@TO_STRING@', '@CONSTRUCTOR@'])('refuses the unknown placeholder in %s', (template) => {
    expect(() => renderInstaller('agent.sh', template, { VERSION: '1.0.0' })).toThrow('unknown placeholder')
  })

  test.each(['a\nb', 'a\0', '\u0085'])('refuses the value %j', (value) => {
    for (const installer of INSTALLERS)
      expect(() => renderInstaller(installer, '@A@', { A: value })).toThrow('control character')
  })

  test('a value never ends its quotes', () => {
    const quoted = {
      'agent.sh': /^'(?:[^']|'\\'')*'$/,
      'agent.ps1': /^'(?:[^'\u2018-\u201b]|'{2}|\u2018{2}|\u2019{2}|\u201a{2}|\u201b{2})*'$/,
      'agent.rb': /^'(?:[^'\\]|\\.)*'$/,
    }
    const text = fc.string({ unit: fc.constantFrom(...'\'\\\u2018\u2019\u201a\u201b"$`a @') })
    fc.assert(
      fc.property(fc.constantFrom(...INSTALLERS), text, (installer, value) => {
        expect(renderInstaller(installer, '@A@', { A: value })).toMatch(quoted[installer])
      }),
    )
  })
})

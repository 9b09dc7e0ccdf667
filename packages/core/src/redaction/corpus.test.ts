import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { redactReported, redactSecretPatterns } from './secret-patterns.ts'

const folder = new URL('../../test/fixtures/redaction/', import.meta.url)

/** Reads the texts of all files with this prefix: one a line, with ⏎ for a line feed. */
function linesOf(prefix: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.startsWith(prefix))
    .flatMap((name) => readFileSync(new URL(name, folder), 'utf8').split('\n'))
    .filter((line) => line !== '')
    .map((line) => line.replaceAll('⏎', '\n'))
}

const MARKS = /«([^»]*)»/g

describe('redaction', () => {
  test('lets no secret through', () => {
    const lines = linesOf('secrets')
    const leaks = lines.filter((line) => {
      const secrets = [...line.matchAll(MARKS)].map(([, secret = '']) => secret)
      const text = line.replaceAll(MARKS, '$1')
      return secrets.some(
        (secret) => redactSecretPatterns(text).includes(secret) || redactReported(text).includes(secret),
      )
    })
    expect(lines.length).toBeGreaterThanOrEqual(1_600)
    expect(leaks).toEqual([])
  })

  test('changes no ordinary sentence', () => {
    const lines = linesOf('sentences')
    expect(lines.length).toBeGreaterThanOrEqual(1_600)
    expect(lines.map((text) => redactSecretPatterns(text))).toEqual(lines)
  })

  test('changes no text of several lines', () => {
    const text = linesOf('sentences').join('\n')
    expect(redactSecretPatterns(text)).toBe(text)
  })

  test('keeps JSON valid', () => {
    const texts = linesOf('secrets').map((line) => line.replaceAll(MARKS, '$1'))
    const json = texts.filter(isJson)
    expect(json.length).toBeGreaterThan(8)
    expect(json.map((text) => redactSecretPatterns(text)).filter((text) => !isJson(text))).toEqual([])
  })

  test('redacts no text twice', () => {
    const once = linesOf('secrets').map((line) => redactSecretPatterns(line.replaceAll(MARKS, '$1')))
    expect(once.map((text) => redactSecretPatterns(text))).toEqual(once)
  })
})

function isJson(text: string): boolean {
  try {
    return typeof JSON.parse(text) === 'object'
  } catch {
    return false
  }
}

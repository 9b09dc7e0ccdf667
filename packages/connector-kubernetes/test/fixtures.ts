import { readFileSync } from 'node:fs'

/** Folder of fixtures that are written from the published API of a newer server. */
export const NEWER = 'kubernetes-1.34'

/** Returns a server's captured answer for an object of the scene. */
export function captured(name: string, folder = 'kubernetes-1.20'): Record<string, unknown> {
  return JSON.parse(readFileSync(`${import.meta.dirname}/fixtures/${folder}/${name}.json`, 'utf8')) as Record<
    string,
    unknown
  >
}

/** Hashes a text without a key: different texts have different hashes. */
export function fakeFingerprint(text: string): string {
  return `#${[...text].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 1_000_003, 7)}`
}

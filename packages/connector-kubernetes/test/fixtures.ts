import { readFileSync } from 'node:fs'

/** The folder of fixtures that are made from the published API of a server that cannot be had. */
export const NEWER = 'kubernetes-1.34'

/** What a server answered about an object of the scene. */
export function captured(name: string, folder = 'kubernetes-1.20'): Record<string, unknown> {
  return JSON.parse(readFileSync(`${import.meta.dirname}/fixtures/${folder}/${name}.json`, 'utf8')) as Record<
    string,
    unknown
  >
}

/** As unlike its text as a keyed hash, and told apart. */
export function fakeFingerprint(text: string): string {
  return `#${[...text].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 1_000_003, 7)}`
}

const MIN_LENGTH = 16

const MIN_DIFFERENT_CHARACTERS = 8

/** Characters that remain without words that are guessed first. */
const MIN_UNCOMMON_LENGTH = 8

const COMMON_WORDS =
  /pass(?:word|wort|phrase)?|change[-_ ]?me|secret|admin(?:istrator)?|token|letmein|welcome|default|example|insecure|qwert[yz](?:uiop)?|asdfgh(?:jkl)?|test/gi

/** Returns why an admin token is too easy to guess for a network, or `undefined` for a good one. */
export function weaknessOf(token: string): string | undefined {
  if (token.length < MIN_LENGTH) return `it has fewer than ${MIN_LENGTH} characters`
  if (new Set(token).size < MIN_DIFFERENT_CHARACTERS)
    return `it has fewer than ${MIN_DIFFERENT_CHARACTERS} different characters`
  if (sequenceLength(token) > token.length / 2) return 'it is a sequence such as 12345'
  if (/^(.{1,12})\1+.{0,11}$/.test(token)) return 'it repeats itself'
  if (token.replaceAll(COMMON_WORDS, '').length < MIN_UNCOMMON_LENGTH)
    return 'it consists of words that are guessed first'
  return undefined
}

/** Counts the characters that follow the one before in the alphabet, in either direction, or among the digits. */
function sequenceLength(token: string): number {
  const codes = [...token].map((character) => character.charCodeAt(0))
  return codes.filter((code, index) => Math.abs(code - (codes[index - 1] ?? Number.NaN)) === 1).length
}

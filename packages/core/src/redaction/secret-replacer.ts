import { REDACTED } from './secret-spans.ts'

/** Codes of a shorter secret may occur in other codes by accident. */
const MIN_LENGTH_IN_CODE = 6

/**
 * Returns the forms in which a text may contain a secret: unchanged, trimmed, escaped for JSON, percent-encoded, in
 * hexadecimal digits, or in Base64, also of a longer text such as `user:secret`.
 */
export function writtenForms(secrets: readonly string[]): string[] {
  const forms = secrets.flatMap((secret) => {
    const plain = [secret, secret.trim()]
    const inJson = plain.map((text) => JSON.stringify(text).slice(1, -1))
    // A lone surrogate cannot be percent-encoded.
    const encoded = plain.flatMap((text) => {
      const upper = encodeURIComponent(text.toWellFormed())
      const form = new URLSearchParams({ '': text }).toString().slice(1)
      return [upper, form].flatMap((code) => [code, code.replace(/%[0-9A-F]{2}/g, (hex) => hex.toLowerCase())])
    })
    return [...plain, ...inJson, ...encoded, ...encodedForms(secret.trim())]
  })
  // Longest first: a secret may contain another.
  return [...new Set(forms)].filter((form) => form !== '').sort((left, right) => right.length - left.length)
}

/** Returns Base64 and hexadecimal digits of a secret, and the part of Base64 of a longer text that contains it. */
function encodedForms(secret: string): string[] {
  if (secret.length < MIN_LENGTH_IN_CODE) return []
  const bytes = Buffer.from(secret)
  const inLonger = [0, 1, 2].map((before) => {
    const code = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
    // Six bits a character: those with bits of other text differ from one text to the next.
    return code.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6))
  })
  const inBase64 = [bytes.toString('base64'), ...inLonger].flatMap((code) => [
    code,
    code.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', ''),
  ])
  const hex = bytes.toString('hex')
  return [...inBase64, hex, hex.toUpperCase()]
}

/** Creates a function that redacts secrets in a text, in every form of {@link writtenForms}. */
export function createSecretReplacer(secrets: readonly string[]): (text: string) => string {
  const forms = writtenForms(secrets)
  if (forms.length === 0) return (text) => text
  // One pass, so that replacements are not searched again. The pattern also matches earlier replacements as a whole,
  // because a secret may be one of the letters of `[redacted]`.
  const alternatives = [REDACTED, ...forms].map(escapePattern)
  const pattern = new RegExp(alternatives.join('|'), 'g')
  return (text) => text.replace(pattern, REDACTED)
}

/** Escapes a text, so that it matches itself in a pattern. */
export function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
}

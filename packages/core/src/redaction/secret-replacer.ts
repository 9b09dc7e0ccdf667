import { REDACTED } from './secret-spans.ts'

/** Returns the forms in which a text may contain a secret: unchanged, trimmed, escaped for JSON, or percent-encoded. */
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
    return [...plain, ...inJson, ...encoded]
  })
  // Longest first: a secret may contain another.
  return [...new Set(forms)].filter((form) => form !== '').sort((left, right) => right.length - left.length)
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

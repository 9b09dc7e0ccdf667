/** Replaces secrets. */
const REDACTED = '[redacted]'

/** How a secret may be written in a text: as it is, without white space around it, inside JSON, or percent-encoded. */
export function writtenForms(secrets: readonly string[]): string[] {
  const forms = secrets.flatMap((secret) => {
    const plain = [secret, secret.trim()]
    const inJson = plain.map((text) => JSON.stringify(text).slice(1, -1))
    // A lone surrogate cannot be percent-encoded as it is.
    const encoded = plain.flatMap((text) => {
      const upper = encodeURIComponent(text.toWellFormed())
      const form = new URLSearchParams({ '': text }).toString().slice(1)
      return [upper, form].flatMap((code) => [code, code.replace(/%[0-9A-F]{2}/g, (hex) => hex.toLowerCase())])
    })
    return [...plain, ...inJson, ...encoded]
  })
  // The longest first: a secret may contain another.
  return [...new Set(forms)].filter((form) => form !== '').sort((left, right) => right.length - left.length)
}

/** Replaces secrets in texts, in every form in which they may be written. */
export function textRedactor(secrets: readonly string[]): (text: string) => string {
  const forms = writtenForms(secrets)
  if (forms.length === 0) return (text) => text
  // One pass: what was put in place of a secret is not searched again.
  // What was put there before is passed over as a whole: a secret may be one of its letters.
  const alternatives = [REDACTED, ...forms].map((form) => form.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'))
  const pattern = new RegExp(alternatives.join('|'), 'g')
  return (text) => text.replace(pattern, REDACTED)
}

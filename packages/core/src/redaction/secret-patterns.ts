import { findClientArguments } from './client-arguments.ts'
import { withoutControlSequences } from './control-sequences.ts'
import { createEncodedFinder } from './encoded-secrets.ts'
import { createKnownFinder } from './known-secrets.ts'
import { findNamedSecrets } from './named-secrets.ts'
import { findPrivateKeys } from './private-keys.ts'
import { isSecretName } from './secret-names.ts'
import { findSecretShapes } from './secret-shapes.ts'
import { type AddSpan, REDACTED, redactSpans, type SecretFinder } from './secret-spans.ts'
import { isHarmless, isObjectName } from './secret-values.ts'
import { findUrlCredentials } from './url-credentials.ts'

const PLAIN_FINDERS: readonly SecretFinder[] = [
  findPrivateKeys,
  findUrlCredentials,
  findNamedSecrets,
  findSecretShapes,
  findClientArguments,
]

const FINDERS: readonly SecretFinder[] = [...PLAIN_FINDERS, createEncodedFinder(containsSecret)]

function containsSecret(text: string): boolean {
  let isFound = false
  const add: AddSpan = (start, end) => {
    if (end > start) isFound = true
  }
  for (const find of PLAIN_FINDERS) {
    find(text, add)
    if (isFound) return true
  }
  return false
}

/** Redacts the secrets that a text shows by their names, forms and places, and known secrets. */
export type SecretRedaction = (text: string) => string

/**
 * Creates the redaction of the texts of one object, whose own secrets of at least six characters are known. Removes
 * escape sequences and control characters.
 */
export function createSecretRedaction(secrets: readonly string[]): SecretRedaction {
  const finders = secrets.length === 0 ? FINDERS : [createKnownFinder(secrets), ...FINDERS]
  return (text) => redactSpans(withoutControlSequences(text), finders)
}

/** Redacts the output of a program: passwords, tokens, keys, credentials in URLs and headers, and known secrets. */
export function redactSecretPatterns(text: string, secrets: readonly string[] = []): string {
  return createSecretRedaction(secrets)(text)
}

/** Shorter texts hold no secret with its name. */
const MIN_TEXT_LENGTH = 8

/** Most texts that a connector reports are those of the previous cycle. */
const MAX_CLEAN_TEXTS = 8_192
const MAX_CLEAN_LENGTH = 256
let [recent, older] = [new Set<string>(), new Set<string>()]

function isKnownClean(text: string): boolean {
  if (recent.has(text)) return true
  if (!older.has(text)) return false
  remember(text)
  return true
}

function remember(text: string): void {
  if (text.length > MAX_CLEAN_LENGTH) return
  if (recent.size >= MAX_CLEAN_TEXTS) [recent, older] = [new Set(), recent]
  recent.add(text)
}

/** Redacts a text that a connector reports. A text without a secret stays as it is, with its control characters. */
export function redactReported(text: string): string {
  if (text.length < MIN_TEXT_LENGTH || isKnownClean(text)) return text
  const visible = withoutControlSequences(text)
  const redacted = redactSpans(visible, FINDERS)
  if (redacted !== visible) return redacted
  remember(text)
  return text
}

/** Names of labels and annotations within the names of attributes. */
const LABEL = /\.(?:labels?|annotations?)\.(.+)$/s

/** Redacts an attribute. A label or annotation with a secret name has a secret value. */
export function redactLabel(attribute: string, value: string): string {
  if (!attribute.includes('.label') && !attribute.includes('.annotation')) return redactReported(value)
  const name = LABEL.exec(attribute)?.[1]
  if (name === undefined || !isSecretName(name) || value === '' || isHarmless(value) || isObjectName(value))
    return redactReported(value)
  return REDACTED
}

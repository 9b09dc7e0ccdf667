import { redactSecrets } from '@rca/core/connector'

/**
 * Where components repeat a command, what a hook wrote, what a probed page says, or what follows the question mark of a probe's
 * address: each may hold a secret by a form that nobody knows.
 */
const REPEATED: readonly (readonly [RegExp, string])[] = [
  [/\b(lifecycle hook) \(\[[^\n]*?\]\)/gi, '$1'],
  [/\bcommand '[^\n]*?' (exited with -?\d+)(?::[^\n]*)?/g, 'command $1'],
  [/\bcommand "[^\n]*?" (timed out)/g, 'command $1'],
  [/,? message: "[^\n]*"/g, ''],
  // Credentials before the name of a registry; a tag before a digest is none.
  [/(["' ])[^\s"'/@:]{1,256}:[^\s"'/@]{1,256}@(?!\w+:[0-9a-f]{32})(?=[\w.-]+[/:])/g, '$1'],
  [/,? response body: .*/gis, ''],
  [/(https?:\/\/[^\s"?]{1,512})\?[^\s"]{1,4096}/g, '$1'],
]

/** What a component of the cluster says, without secrets, commands and what hooks wrote. */
export function componentMessage(text: string, redact: (text: string) => string = redactSecrets): string {
  let message = text
  for (const [pattern, replacement] of REPEATED) message = message.replace(pattern, replacement)
  return redact(message).trimEnd()
}

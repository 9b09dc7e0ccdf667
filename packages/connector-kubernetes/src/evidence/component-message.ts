import { redactSecrets } from '@rca/core/connector'

/**
 * Parts of messages that may contain a secret of any form: commands, output of hooks, probed pages, and queries of
 * probed addresses.
 */
const QUOTED: readonly (readonly [RegExp, string])[] = [
  [/\b(lifecycle hook) \(\[[^\n]*?\]\)/gi, '$1'],
  [/\bcommand '[^\n]*?' (exited with -?\d+)(?::[^\n]*)?/g, 'command $1'],
  [/\bcommand "[^\n]*?" (timed out)/g, 'command $1'],
  [/,? message: "[^\n]*"/g, ''],
  // Credentials before the name of a registry; a tag before a digest is none.
  [/(["' ])[^\s"'/@:]{1,256}:[^\s"'/@]{1,256}@(?!\w+:[0-9a-f]{32})(?=[\w.-]+[/:])/g, '$1'],
  [/,? response body: .*/gis, ''],
  [/(https?:\/\/[^\s"?]{1,512})\?[^\s"]{1,4096}/g, '$1'],
]

/** Removes secrets, commands and output of hooks from the message of a component. */
export function componentMessage(text: string, redact: (text: string) => string = redactSecrets): string {
  let message = text
  for (const [pattern, replacement] of QUOTED) message = message.replace(pattern, replacement)
  return redact(message).trimEnd()
}

import { redactSecrets } from '@rca/core/connector'

/**
 * Parts of messages that may contain a secret of any form: commands, output of hooks, probed pages, and queries of
 * probed addresses.
 */
const QUOTED: readonly (readonly [RegExp, string])[] = [
  [/\b(lifecycle hook) \(\[.{0,8192}?\]\)(?= for Container| failed|$)/gis, '$1'],
  // All that follows is output, of any number of lines.
  [/\bcommand '.{0,8192}?' (exited with -?\d+).*/gs, 'command $1'],
  [/(hook\w{0,16}[^\n']{0,512}?\bcommand) '.*/gis, '$1'],
  [/\bcommand ".{0,8192}?" (timed out)/gs, 'command $1'],
  [/,? message: ".*"?/gs, ''],
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

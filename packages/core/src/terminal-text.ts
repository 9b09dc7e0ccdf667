import { withoutControlSequences } from './redaction/control-sequences.ts'

const DIRECTION = /\p{Bidi_Control}/gu
const LINE_ENDS = /[\n\u2028\u2029]+/g
const UNSAFE_IN_JSON = /[^\P{Cc}\n]|\p{Bidi_Control}/gu

/**
 * Returns a text that a terminal shows as it is: without escape sequences, control characters, and characters that
 * change the direction of text. Keeps tabs and line feeds.
 */
export function toTerminalText(text: string): string {
  return withoutControlSequences(text).replaceAll('\r', '').replace(DIRECTION, '')
}

/** Returns a text that a terminal shows in one line, so that it cannot look like several lines of output. */
export function toTerminalLine(text: string): string {
  return toTerminalText(text).replace(LINE_ENDS, ' ')
}

/** Formats a value as JSON with everything escaped that `toTerminalText` would remove. */
export function toTerminalJson(value: unknown, indent?: number): string {
  return escapeTerminalJson(JSON.stringify(value, undefined, indent))
}

/** Escapes everything in JSON that a terminal would interpret. Parsed, the JSON is the same. */
export function escapeTerminalJson(json: string): string {
  return json.replace(UNSAFE_IN_JSON, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

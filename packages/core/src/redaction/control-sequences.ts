const ESC = '\u001b'
const BEL = '\u0007'
const ST = '\u009c'

/** Control sequences and sequences of two characters (ECMA-48). */
const ESCAPE = new RegExp(`(?:${ESC}\\[|\u009b)[0-?]{0,256}[ -/]{0,16}[@-~]|${ESC}[ -/]{0,8}[0-Z\\\\^-~]`, 'g')

/** Beginning of a command, which ends with BEL or ST. */
const COMMAND = new RegExp(`${ESC}[\\]PX^_]`, 'g')
const CONTROL = /[^\P{Cc}\t\n\r]/gu
const MAX_COMMAND_LENGTH = 4096

/** Removes escape sequences and control characters, which could split a secret that a terminal shows in one piece. */
export function withoutControlSequences(text: string): string {
  if (text.search(CONTROL) === -1) return text
  return withoutCommands(text).replace(ESCAPE, '').replace(CONTROL, '')
}

/** Removes commands such as titles and links: from their introducer to BEL, or to ESC and a backslash. */
function withoutCommands(text: string): string {
  const parts: string[] = []
  let position = 0
  for (const { index } of text.matchAll(COMMAND)) {
    if (index < position) continue
    parts.push(text.slice(position, index))
    position = commandEnd(text, index + 2)
  }
  parts.push(text.slice(position))
  return parts.join('')
}

function commandEnd(text: string, start: number): number {
  const limit = Math.min(text.length, start + MAX_COMMAND_LENGTH)
  for (let end = start; end < limit; end++) {
    const character = text[end]
    if (character === BEL || character === ST) return end + 1
    if (character === ESC) return text[end + 1] === '\\' ? end + 2 : start
    if (character === '\n') return start
  }
  return start
}

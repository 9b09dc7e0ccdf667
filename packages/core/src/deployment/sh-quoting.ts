import { ShellQuotingError } from '../errors/shell-quoting-error.ts'
import { partsOf, type Word } from './shell-word.ts'

// Excludes a leading `=`: zsh replaces `=name` by the path of that command.
const SAFE_WORD = /^[\w@%+:,./-][\w@%+=:,./-]*$/

/** Reserved words of sh, bash or zsh, which a command's name must not be without quotes. */
const RESERVED_WORDS = new Set(
  'if then else elif fi do done case esac while until for in function select time coproc foreach end repeat nocorrect'.split(
    ' ',
  ),
)

/**
 * Quotes an argument as exactly one word for `sh`, `bash`, `dash` and `zsh`. With `isName`, quotes more: as a command's
 * name, `a=b` would set a variable and `%1` resume a job.
 *
 * @throws {ShellQuotingError} for a NUL character or half of a surrogate pair.
 */
export function renderForSh(value: Word, place: string, isName: boolean): string {
  const parts = partsOf(value, place)
  const isWhole = parts.length === 1
  let canStayBare = true
  const pieces = parts.map((part) => {
    if (typeof part !== 'string') {
      canStayBare = part.isClosed
      return part.syntax
    }
    const isBare = canStayBare && staysBare(part) && (!isName || (isWhole && /^[\w@:,./][^=]*$/.test(part)))
    canStayBare = true
    return isBare ? part : quoteForSh(part, place)
  })
  return pieces.join('')
}

function staysBare(text: string): boolean {
  return SAFE_WORD.test(text) && !RESERVED_WORDS.has(text)
}

/**
 * Encloses a text in single quotes, inside which only the quote itself is special (POSIX.1-2024, 2.2.2). Writes
 * control characters for `printf`, since a terminal interprets them when the command is pasted; keeps line feeds.
 *
 * Does not use shescape: it needs the shell's executable, and throws or quotes for another shell without it or on
 * Windows, while `deploy` must return the same text on every machine. It also drops control characters silently.
 * The tests compare the two for all other words.
 */
function quoteForSh(text: string, place: string): string {
  if (text.includes('\0'))
    throw new ShellQuotingError(place, 'contains a NUL character, which no command line can contain: remove it')
  if (!text.isWellFormed())
    throw new ShellQuotingError(place, 'contains half of a surrogate pair, which UTF-8 cannot encode: correct the text')
  const parts = text.split(/([^\P{Cc}\n]+)/u)
  const quoted = parts.map((part, index) => (index % 2 === 0 ? singleQuote(part) : printControls(part)))
  return quoted.join('') || "''"
}

function singleQuote(text: string): string {
  return text === '' ? '' : `'${text.replaceAll("'", String.raw`'\''`)}'`
}

function printControls(controls: string): string {
  const octal = [...new TextEncoder().encode(controls)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`)
  return `"$(printf '${octal.join('')}')"`
}

import { ShellQuotingError } from '../errors/shell-quoting-error.ts'
import { partsOf, type Word } from './shell-word.ts'

// A leading `=` is left out: zsh replaces `=name` by the path of that command.
const SAFE_WORD = /^[\w@%+:,./-][\w@%+=:,./-]*$/

/** Words that are grammar where a command's name is expected, in sh, bash or zsh. */
const RESERVED_WORDS = new Set(
  'if then else elif fi do done case esac while until for in function select time coproc foreach end repeat nocorrect'.split(
    ' ',
  ),
)

/**
 * Writes an argument as exactly one word for `sh`, `bash`, `dash` and `zsh`.
 *
 * @param place names the argument in errors
 * @param isName whether it is the command's name, where `a=b` would set a variable and `%1` resume a job
 * @throws {ShellQuotingError} when a text holds a NUL character or half of a surrogate pair.
 * @throws {TypeError} when it is not an argument.
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
 * Single quotes (POSIX.1-2024, 2.2.2): nothing but the quote itself has a meaning inside them. Control characters, which
 * a terminal acts upon when the command is pasted, are written for `printf` instead; line feeds may stay.
 *
 * shescape cannot do this: it looks for the shell's executable on disk and, without it or on Windows, throws or quotes
 * for another shell, while `deploy` must return the same text on every machine; it also drops control characters
 * silently. The tests compare the two for all other words.
 */
function quoteForSh(text: string, place: string): string {
  if (text.includes('\0'))
    throw new ShellQuotingError(place, 'holds a NUL character, which no command line can carry: remove it')
  if (!text.isWellFormed())
    throw new ShellQuotingError(place, 'holds half of a surrogate pair, which has no UTF-8 form: correct the text')
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

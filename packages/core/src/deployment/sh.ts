import { ShellQuotingError } from '../errors/shell-quoting-error.ts'
import { ShScanner } from './sh-scanner.ts'
import type { ShellCommand } from './shell-command.ts'
import { renderTemplate, type ShellDialect, type ShellInterpolation, type WordPlace } from './shell-template.ts'

/**
 * A command for `sh`, `bash`, `dash` and `zsh`, run by a script or pasted into a terminal. Every interpolation arrives as
 * exactly one word, also where it touches other text (`--name=${name}`); an array as one word for each item; a command
 * that `sh` made is put in as it is.
 *
 * Write the template over several lines with a backslash at their ends: shared indentation is cut off.
 *
 * @example
 * sh`docker logs ${containerName} && echo ${greeting}`
 *
 * @throws ShellQuotingError when a value holds a NUL character or half of a surrogate pair.
 * @throws TypeError when an interpolation stands inside quotes, or the template uses syntax that is not supported:
 * comments, backticks, here-documents, arithmetic, `$'…'`.
 */
export function sh(strings: TemplateStringsArray, ...values: readonly ShellInterpolation[]): ShellCommand {
  return renderTemplate(dialect, strings, values)
}

const dialect: ShellDialect = {
  shell: 'sh',
  createScanner: () => new ShScanner(),
  quote: (word, place) => (staysBare(word, place) ? word : quoteForSh(word, place.name)),
}

// A leading `=` is left out: zsh replaces `=name` by the path of that command.
const SAFE_WORD = /^[\w@%+:,./-][\w@%+=:,./-]*$/
/** Words that are grammar where a command's name is expected, in sh, bash or zsh. */
const RESERVED_WORDS = new Set(
  'if then else elif fi do done case esac while until for in function select time coproc foreach end repeat nocorrect'.split(
    ' ',
  ),
)

function staysBare(word: string, place: WordPlace): boolean {
  if (!SAFE_WORD.test(word) || RESERVED_WORDS.has(word)) {
    return false
  }
  // `2` before `>` would name a file descriptor.
  if (/^\d+$/.test(word) && /^[<>]/.test(place.after)) {
    return false
  }
  // As the name of a command, `a=b` would set a variable, `%1` resume a job, and parts could add up to a reserved word.
  return !place.isCommandName || (place.before === '' && !place.isFollowed && /^[\w@:,./][^=]*$/.test(word))
}

/**
 * Single quotes (POSIX.1-2024, 2.2.2): nothing but the quote itself means anything inside them. Control characters, which
 * a terminal would act upon when the command is pasted, are spelt out for `printf` instead; line feeds may stay.
 *
 * The rule is our own because shescape looks for the shell's executable on disk and, without it or on Windows, throws or
 * quotes for another shell (while `deploy` has to give the same text on every machine); it also drops control
 * characters silently. For all other words the tests compare the two.
 */
function quoteForSh(word: string, place: string): string {
  if (word.includes('\0')) {
    throw new ShellQuotingError(place, 'holds a NUL character, which no command line can carry: remove it')
  }
  if (!word.isWellFormed()) {
    throw new ShellQuotingError(place, 'holds half of a surrogate pair, which has no UTF-8 form: correct the text')
  }
  const parts = word.split(/([^\P{Cc}\n]+)/u)
  const quoted = parts.map((part, index) => (index % 2 === 0 ? singleQuote(part) : spellOut(part)))
  return quoted.join('') || "''"
}

function singleQuote(text: string): string {
  return text === '' ? '' : `'${text.replaceAll("'", String.raw`'\''`)}'`
}

function spellOut(controls: string): string {
  const octal = [...new TextEncoder().encode(controls)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`)
  return `"$(printf '${octal.join('')}')"`
}

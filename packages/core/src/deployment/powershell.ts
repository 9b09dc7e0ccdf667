import { ShellQuotingError } from '../errors/shell-quoting-error.ts'
import { type Command, createCommand, type Words } from './command.ts'
import { partsOf, raw, ShellWord, type Word } from './shell-word.ts'

/**
 * Creates a command for Windows PowerShell 5.1 and PowerShell 7, to paste into a terminal. Every text becomes
 * exactly one single-quoted argument. Each list of arguments is written on its own line.
 *
 * A quoted word is a value, never the name of a command or of a parameter: write names as `powershell.raw`. To pass
 * a command to another PowerShell, use its `text` as an argument.
 *
 * @example powershell(powershell.raw`Stop-Service -Name`, name)
 *
 * @throws {ShellQuotingError} if PowerShell before 7.3 would not pass a value to programs unchanged (an empty
 * value, a double quote, `--%`, or a space inside and a backslash at the end), a terminal would interpret it (a
 * control character or a line break), or it contains half of a surrogate pair.
 * @throws {TypeError} if the name is not `raw`, or an argument has several parts.
 */
export function powershell(...words: Words): Command {
  const [name] = words.flat()
  if (name !== undefined && !(name instanceof ShellWord))
    throw new TypeError('`powershell`: the name of a command must be `raw`: PowerShell treats a quoted word as a value')
  return createCommand('powershell', words, render)
}
powershell.raw = raw

function render(value: Word, place: string): string {
  const [part = '', ...others] = partsOf(value, place)
  if (others.length > 0)
    throw new TypeError(`${place} has several parts, which PowerShell reads as several words: build one text`)
  if (typeof part !== 'string') {
    if (part.isClosed) throw new TypeError(`${place} is the output of a command, which only \`command\` can express`)
    return part.syntax
  }
  const problem = findProblem(part)
  if (problem !== undefined) throw new ShellQuotingError(place, problem)
  // Always quoted: a bare word is a value among arguments, but a command in an expression such as `$name = word`.
  // PowerShell treats typographic quotes as plain ones (about_Quoting_Rules; U+201A and U+201B are in its tokenizer).
  return `'${part.replaceAll(/['\u2018-\u201B]/g, '$&$&')}'`
}

function findProblem(text: string): string | undefined {
  if (text === '')
    return 'is empty, and PowerShell before 7.3 omits empty arguments: remove the option or give it a value'
  if (text.includes('"'))
    return 'contains a double quote ("), which PowerShell before 7.3 does not pass on to programs: choose a value without it'
  if (text === '--%')
    return 'is `--%`, after which PowerShell stops parsing, even if it is quoted: choose another value'
  if (/\p{Cc}/u.test(text))
    return 'contains a control character or a line break, which a terminal interprets when the command is pasted: remove it'
  if (!text.isWellFormed()) return 'contains half of a surrogate pair, which UTF-8 cannot encode: correct the text'
  // Windows PowerShell puts double quotes around an argument with a space and does not double the backslashes at
  // its end.
  if (text.endsWith('\\') && /\s/.test(text))
    return 'contains a space and ends with a backslash, which Windows PowerShell turns into a double quote: remove the backslash'
  return undefined
}

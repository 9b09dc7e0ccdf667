import { ShellQuotingError } from '../errors/shell-quoting-error.ts'
import { PowerShellScanner } from './powershell-scanner.ts'
import type { ShellCommand } from './shell-command.ts'
import { renderTemplate, type ShellDialect, type ShellInterpolation, type WordPlace } from './shell-template.ts'

/**
 * A command for Windows PowerShell 5.1 and PowerShell 7, pasted into a terminal. Every interpolation becomes exactly one
 * single-quoted word; an array one word for each item; a command that `powershell` made is put in as it is. Text may
 * touch an interpolation in front (`-Name:${name}`), not behind: `'a'b` is two words to PowerShell.
 *
 * A quoted word is a value, never a command's name: write the name into the template, or `& ${path}`. To hand a command
 * to another PowerShell, interpolate its text: `` powershell`powershell -Command ${inner.text}` ``.
 *
 * @throws ShellQuotingError when a value is one that PowerShell before 7.3 does not pass to programs unchanged: empty,
 * with a double quote, `--%`, or with a blank inside and a backslash at the end; or one with a control character, line
 * breaks included, which a terminal would act upon, or with half of a surrogate pair.
 * @throws TypeError when an interpolation stands inside quotes or has text directly behind it, or the template has a
 * comment, a here-string or `--%`.
 */
export function powershell(strings: TemplateStringsArray, ...values: readonly ShellInterpolation[]): ShellCommand {
  return renderTemplate(dialect, strings, values)
}

const dialect: ShellDialect = {
  shell: 'powershell',
  createScanner: () => new PowerShellScanner(),
  quote: quoteForPowerShell,
}

// Always quoted: a bare word is a value among arguments, but a command to run in an expression such as `$name = word`.
function quoteForPowerShell(word: string, place: WordPlace): string {
  const problem = findProblem(word, place.before)
  if (problem !== undefined) {
    throw new ShellQuotingError(place.name, problem)
  }
  if (place.isFollowed) {
    throw new TypeError(
      `${place.name} has text directly behind it, which PowerShell reads as a second word: build the whole word in JavaScript`,
    )
  }
  return `'${word.replaceAll(/['\u2018-\u201B]/g, '$&$&')}'`
}

function findProblem(word: string, before: string): string | undefined {
  if (word === '') {
    return 'is empty: PowerShell before 7.3 leaves an empty argument out. Leave the option out or give it a value'
  }
  if (word.includes('"')) {
    return 'holds a double quote ("), which PowerShell before 7.3 does not pass on to programs: choose a value without it'
  }
  if (word === '--%') {
    return 'is `--%`, after which PowerShell stops parsing, also where it is quoted: choose another value'
  }
  if (/\p{Cc}/u.test(word)) {
    return 'holds a control character or a line break, which a terminal acts upon when the command is pasted: remove it'
  }
  if (!word.isWellFormed()) {
    return 'holds half of a surrogate pair, which has no UTF-8 form: correct the text'
  }
  // Windows PowerShell puts double quotes around an argument with a blank and does not double the backslashes at its end.
  // U+FFFC stands for a part of the word before whose text is not known.
  if (word.endsWith('\\') && /[\s\uFFFC]/.test(`${before}${word}`)) {
    return 'holds a blank and ends with a backslash, which Windows PowerShell makes a double quote of: remove the backslash'
  }
  return undefined
}

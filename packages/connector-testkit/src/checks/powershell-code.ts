/** Quotes as PowerShell reads them: typographic ones are quotes, too. about_Quoting_Rules */
const SINGLE = /['\u2018-\u201B]/
const DOUBLE = /["\u201C-\u201E]/

/** Programs that parse their arguments after `-Command` once more, joined by spaces. */
const PARSES_AGAIN = /^\s*(?:powershell|pwsh)(?:\.exe)?\s.*-(?:c|command)\s/is

interface Parts {
  /** Text that PowerShell reads as code. */
  readonly code: string
  /** The words as a program gets them, without quotes. */
  readonly words: string
}

/** Returns true if PowerShell reads a part of a command as code, and not as the text of a quoted value. */
export function isPowerShellCode(command: string, part: string): boolean {
  const { code, words } = scan(command)
  if (code.includes(part)) return true
  return PARSES_AGAIN.test(code) && scan(words).code.includes(part)
}

/** Separates code from the text in quotes. Reads what is inside of `$(…)` in double quotes as code. */
function scan(command: string): Parts {
  const characters = [...command]
  let code = ''
  let words = ''
  let quote: RegExp | undefined
  /** Open parentheses of `$(…)` in double quotes. */
  let depth = 0
  for (let index = 0; index < characters.length; index += 1) {
    const character = characters[index] ?? ''
    const next = characters[index + 1] ?? ''
    if (quote === undefined && (SINGLE.test(character) || DOUBLE.test(character))) {
      quote = SINGLE.test(character) ? SINGLE : DOUBLE
      // A word may go on after its quotes, but no name of code does.
      code += ' '
    } else if (quote?.test(character) === true && depth === 0) {
      if (quote.test(next)) {
        words += character
        index += 1
      } else quote = undefined
    } else if (character === '`' && quote !== SINGLE) {
      words += next
      index += 1
    } else {
      words += character
      if (quote === DOUBLE && character === '$' && next === '(') depth += 1
      else if (quote === DOUBLE && depth > 0 && character === ')') depth -= 1
      if (quote === undefined || depth > 0) code += character
    }
  }
  return { code, words }
}

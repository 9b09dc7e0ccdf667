import type { ShellScanner } from './shell-template.ts'

type Context = 'single quotes' | 'double quotes' | 'parentheses' | 'braces'

interface Open {
  readonly context: Context
  readonly word: string
}

const PART = '\uFFFC'
/** PowerShell takes typographic quotes for plain ones (about_Quoting_Rules; U+201A and U+201B are in its tokenizer). */
const SINGLE_QUOTE = /['\u2018-\u201B]/
const DOUBLE_QUOTE = /["\u201C-\u201E]/

/** Follows the quotes and words of a PowerShell command. What it does not know, it refuses. */
export class PowerShellScanner implements ShellScanner {
  readonly #open: Open[] = []
  #word = ''
  #previous = ''
  #escaped = false

  get word(): string {
    return this.#word
  }

  /** A quoted string at the start of a command is a value to PowerShell: every place is alike. */
  get isCommandName(): boolean {
    return false
  }

  get refusal(): string | undefined {
    const context = this.#context
    if (context === 'single quotes' || context === 'double quotes') {
      return `stands inside ${context}, where it would be quoted twice: take the quotes away, or write what is quoted as a command of its own and interpolate its \`text\``
    }
    if (this.#escaped || /[$@]/.test(this.#previous) || isQuote(this.#previous)) {
      return 'stands directly after a backtick, a quote, `$` or `@`, which would change how it is read: build the whole word in JavaScript'
    }
    // After a dash and a letter, the tokenizer ends a parameter's name at these characters, and with it the word.
    if (/^-[\p{L}_?].*[.,[]/su.test(this.#word)) {
      return 'follows a parameter with `.`, `,` or `[` in its name, which PowerShell splits: build the whole word in JavaScript'
    }
    return undefined
  }

  get unfinished(): string | undefined {
    return this.#escaped ? 'an escape' : this.#context
  }

  read(text: string): void {
    for (const character of text) {
      const wasEscaped = this.#escaped
      this.#step(character)
      this.#previous = wasEscaped || this.#escaped ? '' : character
    }
    this.#checkWord()
  }

  readWord(): void {
    this.#word += PART
    this.#previous = ''
  }

  get #context(): Context | undefined {
    return this.#open.at(-1)?.context
  }

  #step(character: string): void {
    const context = this.#context
    if (this.#escaped) {
      this.#escaped = false
      this.#word += character === '\n' ? '' : PART
    } else if (context === 'single quotes') {
      if (SINGLE_QUOTE.test(character)) {
        this.#close()
      }
    } else if (character === '`') {
      this.#escaped = true
    } else if (context === 'double quotes') {
      this.#stepDoubleQuotes(character)
    } else {
      this.#stepUnquoted(character)
    }
  }

  #stepDoubleQuotes(character: string): void {
    if (DOUBLE_QUOTE.test(character)) {
      this.#close()
    } else if (character === '(' && this.#previous === '$') {
      this.#begin('parentheses')
    }
  }

  #stepUnquoted(character: string): void {
    if (isQuote(character)) {
      if (this.#previous === '@') {
        refuse('a here-string', 'quote plainly')
      }
      this.#begin(SINGLE_QUOTE.test(character) ? 'single quotes' : 'double quotes')
    } else if (character === '(' || character === '{') {
      this.#begin(character === '(' ? 'parentheses' : 'braces')
    } else if (character === ')' || character === '}') {
      this.#endWord()
      if (this.#open.length > 0) {
        this.#close()
      }
    } else if (/[\s;|&<>]/.test(character)) {
      this.#endWord()
    } else if (character === '#' && this.#word === '') {
      refuse('a comment', 'write it in TypeScript')
    } else {
      this.#word += character
    }
  }

  #begin(context: Context): void {
    this.#open.push({ context, word: this.#word })
    if (context === 'parentheses' || context === 'braces') {
      this.#word = ''
    }
  }

  #close(): void {
    this.#word = `${this.#open.pop()?.word ?? ''}${PART}`
  }

  #endWord(): void {
    this.#checkWord()
    this.#word = ''
  }

  #checkWord(): void {
    if (this.#word === '--%') {
      refuse('--%', 'nothing after it is parsed, quotes included: leave it out')
    }
  }
}

function isQuote(character: string): boolean {
  return SINGLE_QUOTE.test(character) || DOUBLE_QUOTE.test(character)
}

function refuse(syntax: string, remedy: string): never {
  throw new TypeError(`\`powershell\`: ${syntax} cannot stand in a template: ${remedy}`)
}

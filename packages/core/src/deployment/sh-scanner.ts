import type { ShellScanner } from './shell-template.ts'

const PARAMETER = 'a parameter expansion'
type Context = 'single quotes' | 'double quotes' | typeof PARAMETER | 'a substitution' | 'parentheses'

interface Open {
  readonly context: Context
  /** The state to go back to when it is closed. */
  readonly word: string
  readonly commandPosition: boolean
}

/** Stands in a word for a part that is not literal. */
const PART = '\uFFFC'
/** Words after which a command's name still follows. */
const LEADING_WORD = /^(?:[A-Za-z_]\w*\+?=.*|!|\{|if|then|else|elif|do|while|until|time)$/s

/**
 * Follows the quotes, substitutions and words of a POSIX shell command (POSIX.1-2024, 2.2 Quoting and 2.3 Token
 * Recognition). It knows less than a shell: what it does not know, it refuses.
 */
export class ShScanner implements ShellScanner {
  readonly #open: Open[] = []
  #word = ''
  #previous = ''
  #escaped = false
  #commandPosition = true
  #redirecting = false

  get word(): string {
    return this.#word
  }

  get isCommandName(): boolean {
    return this.#commandPosition && !this.#redirecting && !LEADING_WORD.test(this.#word)
  }

  get refusal(): string | undefined {
    const context = this.#context
    if (context === 'single quotes' || context === 'double quotes' || context === PARAMETER) {
      return `stands inside ${context}, where it would be quoted twice: take the quotes away, or build the whole word in JavaScript`
    }
    if (this.#escaped || this.#previous === '$') {
      return 'stands directly after a backslash or a dollar sign, which would change how it is read: put the sign into the value'
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
  }

  readWord(): void {
    this.#word += PART
    this.#previous = ''
  }

  get #context(): Context | undefined {
    return this.#open.at(-1)?.context
  }

  #step(character: string): void {
    if (this.#escaped) {
      this.#escaped = false
      this.#word += character === '\n' ? '' : PART
      return
    }
    switch (this.#context) {
      case 'single quotes':
        this.#stepSingleQuotes(character)
        break
      case 'double quotes':
        this.#stepDoubleQuotes(character)
        break
      case PARAMETER:
        this.#stepParameter(character)
        break
      default:
        this.#stepUnquoted(character)
    }
  }

  #stepSingleQuotes(character: string): void {
    if (character === "'") {
      this.#close()
    }
  }

  #stepDoubleQuotes(character: string): void {
    if (character === '"') {
      this.#close()
    } else if (character === '\\') {
      this.#escaped = true
    } else {
      this.#stepExpansion(character)
    }
  }

  #stepParameter(character: string): void {
    if (character === '}') {
      this.#close()
    } else if (character === '\\') {
      this.#escaped = true
    } else if (character === "'" || character === '"') {
      refuse('a quote inside a parameter expansion', 'set a variable before, or use a plain default')
    } else {
      this.#stepExpansion(character)
    }
  }

  /** Whether `character` is part of an expansion, which also works inside double quotes. */
  #stepExpansion(character: string): boolean {
    if (character === '`') {
      refuse('a backtick', 'use $(…)')
    }
    if (this.#previous !== '$' || (character !== '(' && character !== '{')) {
      return false
    }
    this.#begin(character === '(' ? 'a substitution' : PARAMETER)
    return true
  }

  #stepUnquoted(character: string): void {
    if (this.#stepExpansion(character)) {
      return
    }
    if (character === '\\') {
      this.#escaped = true
    } else if (character === "'" || character === '"') {
      this.#stepQuote(character)
    } else if (character === ' ' || character === '\t') {
      this.#endWord()
    } else if (/[\n;|&]/.test(character)) {
      this.#stepSeparator(character)
    } else if (character === '<' || character === '>') {
      this.#stepRedirection(character)
    } else if (character === '(' || character === ')') {
      this.#stepParenthesis(character)
    } else if (character === '#' && this.#word === '') {
      refuse('a comment', 'zsh does not know comments in pasted commands: write it in TypeScript')
    } else {
      this.#word += character
    }
  }

  #stepQuote(character: "'" | '"'): void {
    if (this.#previous === '$') {
      refuse(`$${character}`, 'not every shell knows it: quote plainly')
    }
    this.#begin(character === "'" ? 'single quotes' : 'double quotes')
  }

  #stepSeparator(character: string): void {
    if (character === '&' && (this.#previous === '<' || this.#previous === '>')) {
      return
    }
    this.#endWord()
    this.#commandPosition = true
    this.#redirecting = false
  }

  #stepRedirection(character: string): void {
    if (character === '<' && this.#previous === '<') {
      refuse('<<', 'pass the text as an argument, or pipe it in with printf')
    }
    if (/^\d*$/.test(this.#word)) {
      this.#word = ''
    }
    this.#endWord()
    this.#redirecting = true
  }

  #stepParenthesis(character: string): void {
    if (character === '(') {
      if (this.#previous === '(') {
        refuse('((', 'arithmetic would evaluate the values: calculate in JavaScript')
      }
      this.#begin('parentheses')
    } else {
      this.#endWord()
      if (this.#open.length > 0) {
        this.#close()
      }
    }
  }

  #begin(context: Context): void {
    this.#open.push({ context, word: this.#word, commandPosition: this.#commandPosition })
    if (context === 'a substitution' || context === 'parentheses') {
      this.#word = ''
      this.#commandPosition = true
    }
  }

  #close(): void {
    const closed = this.#open.pop()
    this.#word = `${closed?.word ?? ''}${PART}`
    this.#commandPosition = closed?.commandPosition ?? false
  }

  #endWord(): void {
    if (this.#word === '') {
      return
    }
    if (this.#redirecting) {
      this.#redirecting = false
    } else {
      this.#commandPosition &&= LEADING_WORD.test(this.#word)
    }
    this.#word = ''
  }
}

function refuse(syntax: string, remedy: string): never {
  throw new TypeError(`\`sh\`: ${syntax} cannot stand in a template: ${remedy}`)
}

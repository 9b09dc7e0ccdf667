import { renderForSh } from './sh-quoting.ts'
import { assignment, raw, type Shell, ShellWord, type Word, word } from './shell-word.ts'

/** Layout of two joined commands. */
export interface Placement {
  /** Starts the second command on a line of its own. @default false */
  readonly newLine?: boolean
}

type Redirection = '<' | '>' | '>>' | '2>' | '2>>'

/**
 * A shell command in which every value is quoted. Only `command` and `powershell` create one, and a string is not
 * assignable to it. `toString()` and JSON return its text. Adds parentheses around a part that binds more loosely
 * than the operator around it. PowerShell 5.1 supports only `pipe` and `followedBy`.
 */
export interface Command {
  readonly shell: Shell
  /** The text to paste into the shell. */
  readonly text: string
  /** `this | next` */
  pipe(next: Command, placement?: Placement): Command
  /** `this && next` */
  and(next: Command, placement?: Placement): Command
  /** `this || next` */
  or(next: Command, placement?: Placement): Command
  /** `this; next` */
  followedBy(next: Command): Command
  /** `this 2>/dev/null` */
  redirect(operator: Redirection, file: Word): Command
  /** The command's output as one argument of another command: `"$( this )"`. */
  output(): ShellWord
  toString(): string
  toJSON(): string
}

/** Operator precedence, highest first. */
const BINDINGS = ['command', 'pipeline', 'list', 'sequence'] as const
type Binding = (typeof BINDINGS)[number]

/** Marks a command of any copy of core. A symbol, so that a JSON document cannot contain it. */
const MARK = Symbol.for('rca.shell-command')

class ShellCommand implements Command {
  readonly shell: Shell
  readonly text: string
  readonly #binding: Binding

  constructor(shell: Shell, text: string, binding: Binding) {
    this.shell = shell
    this.text = text
    this.#binding = binding
    Object.freeze(this)
  }

  get [MARK](): true {
    return true
  }

  pipe(next: Command, placement?: Placement): Command {
    return this.#join('|', next, placement, 'pipeline', 'pipeline')
  }

  and(next: Command, placement?: Placement): Command {
    this.#needSh('`and`')
    return this.#join('&&', next, placement, 'list', 'pipeline')
  }

  or(next: Command, placement?: Placement): Command {
    this.#needSh('`or`')
    return this.#join('||', next, placement, 'list', 'pipeline')
  }

  followedBy(next: Command): Command {
    const { text } = this.#operand(next)
    return new ShellCommand(this.shell, `${this.text}; ${text}`, 'sequence')
  }

  redirect(operator: Redirection, file: Word): Command {
    this.#needSh('`redirect`')
    const target = renderForSh(file, '`redirect`: the file', false)
    return new ShellCommand('sh', `${this.#within('command')} ${operator}${target}`, 'command')
  }

  output(): ShellWord {
    this.#needSh('`output`')
    return new ShellWord([{ syntax: `"$( ${this.text} )"`, isClosed: true }])
  }

  toString(): string {
    return this.text
  }

  toJSON(): string {
    return this.text
  }

  #join(operator: string, other: Command, { newLine = false }: Placement = {}, own: Binding, others: Binding): Command {
    const next = this.#operand(other)
    const space = newLine ? lineBreak[this.shell] : ' '
    return new ShellCommand(this.shell, `${this.#within(own)} ${operator}${space}${next.#within(others)}`, own)
  }

  /** Returns the text, in parentheses if it binds more loosely than `loosest`. */
  #within(loosest: Binding): string {
    if (BINDINGS.indexOf(this.#binding) <= BINDINGS.indexOf(loosest)) return this.text
    this.#needSh('a group of commands')
    // `((` would begin an arithmetic expression.
    return this.text.startsWith('(') ? `( ${this.text})` : `(${this.text})`
  }

  #operand(command: Command): ShellCommand {
    if (!(command instanceof ShellCommand))
      throw new TypeError('a command can only be joined with another command: create it with `command` or `powershell`')
    if (command.shell !== this.shell)
      throw new TypeError(
        `a command for \`${command.shell}\` cannot be joined with one for \`${this.shell}\`: pass its \`text\` as an argument`,
      )
    return command
  }

  #needSh(what: string): void {
    if (this.shell !== 'sh') throw new TypeError(`PowerShell 5.1 cannot express ${what}`)
  }
}

/** Arguments, and lists of arguments that are written on separate lines. */
export type Words = readonly (Word | readonly Word[])[]

/**
 * Creates a command for `sh`, `bash`, `dash` and `zsh`, to run in a script or to paste into a terminal. The shell
 * passes every argument on as exactly one word. Each list of arguments is written on its own line; empty lists are
 * omitted.
 *
 * `command.raw`, `command.word` and `command.assignment` create other arguments than plain text.
 *
 * @example
 * command('docker', 'run', '-d', ...variables.map((variable) => ['-e', variable]), [image])
 * command('docker', 'stop', name).and(command('docker', 'rm', name))
 *
 * @throws {ShellQuotingError} if a text contains a NUL character or half of a surrogate pair.
 * @throws {TypeError} without arguments, or for an invalid argument.
 */
export function command(...words: Words): Command {
  let isName = true
  return createCommand('sh', words, (value, place) => {
    const isAssignment = value instanceof ShellWord && value.isAssignment
    const text = renderForSh(value, place, isName && !isAssignment)
    isName &&= isAssignment
    return text
  })
}
command.raw = raw
command.word = word
command.assignment = assignment

export function createCommand(shell: Shell, words: Words, render: (value: Word, place: string) => string): Command {
  const own = shell === 'sh' ? 'command' : shell
  const name = nameOf(words)
  let number = 0
  const lines = linesOf(words).map((line) =>
    line.map((value) => {
      number += 1
      return render(value, `\`${own}\`: argument ${number}${name}`)
    }),
  )
  if (number === 0) throw new TypeError(`\`${own}\` needs at least one argument`)
  return new ShellCommand(shell, lines.map((line) => line.join(' ')).join(lineBreak[shell]), 'command')
}

/** Returns the command's name for errors, or an empty text if the name may be a secret. */
function nameOf(words: Words): string {
  const name = words.flat().find((value) => !(value instanceof ShellWord && value.isAssignment))
  const [text] = name instanceof ShellWord ? name.parts : [name]
  const shown = typeof text === 'object' ? text.syntax : text
  return typeof shown === 'string' && /^[\w .-]{1,40}$/.test(shown) ? ` of \`${shown}\`` : ''
}

/** Returns true for a command of any installed copy of core. */
export function isCommand(value: unknown): value is Command {
  return typeof value === 'object' && value !== null && MARK in value
}

/** Continues a command on the next line. */
const lineBreak: Readonly<Record<Shell, string>> = { sh: ' \\\n  ', powershell: ' `\n  ' }

/** Groups arguments by line. Arguments between two lists share a line. */
function linesOf(words: Words): (readonly Word[])[] {
  const lines: Word[][] = []
  let isOpen = false
  for (const value of words) {
    if (Array.isArray(value)) {
      lines.push([...(value as readonly Word[])])
      isOpen = false
    } else if (isOpen) {
      lines.at(-1)?.push(value as Word)
    } else {
      lines.push([value as Word])
      isOpen = true
    }
  }
  return lines.filter((line) => line.length > 0)
}

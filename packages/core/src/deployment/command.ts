import { renderForSh } from './sh-quoting.ts'
import { assignment, raw, type Shell, ShellWord, type Word, word } from './shell-word.ts'

/** Layout of two joined commands. */
export interface Placement {
  /** Starts the second command on a line of its own. @default false */
  readonly newLine?: boolean
}

/** Operators that connect a command with a file. */
type Redirection = '<' | '>' | '>>' | '2>' | '2>>'

/**
 * A command line in which every value is quoted. Only `command` and `powershell` make one, and a string is not assignable
 * to it. `toString()` and JSON give its text. A part that binds more loosely than the operator around it is put into
 * parentheses. PowerShell 5.1 has only `pipe` and `followedBy`.
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

/** How closely a text binds, closest first. */
const BINDINGS = ['command', 'pipeline', 'list', 'sequence'] as const
type Binding = (typeof BINDINGS)[number]

/** Marks a command, whichever copy of core made it. A symbol, so that no JSON document can carry it. */
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

  /** The text, in parentheses where it binds more loosely than this. */
  #within(loosest: Binding): string {
    if (BINDINGS.indexOf(this.#binding) <= BINDINGS.indexOf(loosest)) return this.text
    this.#needSh('a group of commands')
    // `((` would begin an arithmetic expression.
    return this.text.startsWith('(') ? `( ${this.text})` : `(${this.text})`
  }

  #operand(command: Command): ShellCommand {
    if (!(command instanceof ShellCommand)) throw new TypeError('a command can only be joined with another command')
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

/** Arguments, and lists of arguments that stand on a line of their own. */
export type Words = readonly (Word | readonly Word[])[]

/**
 * A command for `sh`, `bash`, `dash` and `zsh`, run by a script or pasted into a terminal. Every argument arrives as
 * exactly one word. A list of arguments stands on a line of its own; an empty one leaves nothing behind.
 *
 * `command.raw`, `command.word` and `command.assignment` make arguments that are more than a text.
 *
 * @example
 * command('docker', 'run', '-d', ...variables.map((variable) => ['-e', variable]), [image])
 * command('docker', 'stop', name).and(command('docker', 'rm', name))
 *
 * @throws {ShellQuotingError} when a text holds a NUL character or half of a surrogate pair.
 * @throws {TypeError} when there is no argument, or something that is not an argument.
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

/** Writes the arguments as one command of a shell. */
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

/** Names the command in errors, unless its name is a value that must not be shown. */
function nameOf(words: Words): string {
  const name = words.flat().find((value) => !(value instanceof ShellWord && value.isAssignment))
  const [text] = name instanceof ShellWord ? name.parts : [name]
  const shown = typeof text === 'object' ? text.syntax : text
  return typeof shown === 'string' && /^[\w .-]{1,40}$/.test(shown) ? ` of \`${shown}\`` : ''
}

/** Returns true for a command that any installed copy of core made. */
export function isCommand(value: unknown): value is Command {
  return typeof value === 'object' && value !== null && MARK in value
}

/** Ends a line of a command that goes on in the next. */
const lineBreak: Readonly<Record<Shell, string>> = { sh: ' \\\n  ', powershell: ' `\n  ' }

/** Arguments by line: those between two lists share one. */
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

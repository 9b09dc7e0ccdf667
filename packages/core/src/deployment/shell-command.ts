/** Shells that a command can be written for: any POSIX shell (also bash and zsh), or Windows PowerShell 5.1 and newer. */
export type Shell = 'sh' | 'powershell'

// Registered, so that another installed copy of core recognises it; a symbol, so that no JSON document can carry it.
const mark = Symbol.for('rca.shell-command')

/**
 * A command line in which every value is quoted. Only the templates `sh` and `powershell` make one, and a string is not
 * assignable to it. `toString()` and JSON give its text.
 */
export interface ShellCommand {
  readonly kind: 'shell-command'
  readonly shell: Shell
  /** What is pasted into the shell. */
  readonly text: string
  toString(): string
  toJSON(): string
}

const prototype = {
  [mark]: true,
  toString(this: ShellCommand): string {
    return this.text
  },
  toJSON(this: ShellCommand): string {
    return this.text
  },
}

/** For the templates alone: the text is taken as it is. */
export function createShellCommand(shell: Shell, text: string): ShellCommand {
  return Object.freeze(Object.assign(Object.create(prototype), { kind: 'shell-command', shell, text }) as ShellCommand)
}

/** Whether a template of any installed copy of core made `value`. */
export function isShellCommand(value: unknown): value is ShellCommand {
  return typeof value === 'object' && value !== null && mark in value
}

/**
 * Joins the parts of one long command, each on a line of its own: ` \` at the end of a line for `sh`, a backtick for
 * `powershell`. Empty parts are left out.
 *
 * @example
 * continued([sh`docker run -d`, ...variables.map((variable) => sh`-e ${variable}`), sh`${image}`])
 *
 * @throws TypeError when the parts are for different shells, are not made by a template, or are none.
 */
export function continued(parts: readonly ShellCommand[]): ShellCommand {
  const [first] = parts
  if (first === undefined || !parts.every(isShellCommand)) {
    throw new TypeError('`continued` joins one or more commands that `sh` or `powershell` made')
  }
  if (parts.some((part) => part.shell !== first.shell)) {
    throw new TypeError('`continued` joins commands of one shell: write all its parts with the same template')
  }
  const lines = parts.map((part) => part.text).filter((text) => text !== '')
  return createShellCommand(first.shell, lines.join(` ${continuationOf[first.shell]}\n  `))
}

/** What stands at the end of a line that goes on in the next. */
export const continuationOf: Readonly<Record<Shell, string>> = { sh: '\\', powershell: '`' }

/** Shells that a command can be written for: any POSIX shell (also bash and zsh), or Windows PowerShell 5.1 and newer. */
export type Shell = 'sh' | 'powershell'

/** A piece of shell syntax, which is written as it is. */
interface Syntax {
  readonly syntax: string
  /** True if a text may follow without quotes, because the syntax ends with a quote of its own. */
  readonly isClosed: boolean
}

/** An argument that is more than a text. Made by `raw`, `word`, `assignment` and `Command.output`. */
export class ShellWord {
  readonly parts: readonly (string | Syntax)[]
  /** `NAME=` in front of a command, or alone. */
  readonly isAssignment: boolean

  constructor(parts: readonly (string | Syntax)[], isAssignment = false) {
    this.parts = parts
    this.isAssignment = isAssignment
  }
}

/** One argument of a command. */
export type Word = string | number | boolean | ShellWord

/**
 * Shell syntax that no argument list can express, such as `` raw`"$HOME"` ``. Written unquoted: read it twice. Takes no
 * interpolation, so that no value can get into it.
 *
 * @throws {TypeError} when it is not used as a template, has an interpolation, or ends inside an escape.
 */
export function raw(strings: TemplateStringsArray, ...none: readonly never[]): ShellWord {
  const [syntax] = Array.isArray(strings) && Array.isArray(strings.raw) && none.length === 0 ? strings : []
  if (syntax === undefined || /[\\$`]$/.test(syntax))
    throw new TypeError(
      '`raw` must be a template without interpolations that does not end with `\\`, `$` or a backtick',
    )
  return new ShellWord([{ syntax, isClosed: false }])
}

/**
 * One argument of several parts, each quoted on its own: `word('--volume=', folder, ':/data')`.
 *
 * @throws {TypeError} when it has no parts.
 */
export function word(...parts: readonly Word[]): ShellWord {
  if (parts.length === 0) throw new TypeError('`word` needs at least one part')
  return new ShellWord(parts.flatMap((part) => partsOf(part)))
}

/**
 * Sets a variable of the shell, or of the command that it stands in front of: `NAME=value`.
 *
 * @throws {TypeError} when the name is not one of a variable.
 */
export function assignment(name: string, value: Word): ShellWord {
  if (!/^[A-Za-z_]\w*$/.test(name)) throw new TypeError('`assignment` needs the name of a variable, such as `SOCKET`')
  return new ShellWord([{ syntax: `${name}=`, isClosed: true }, ...partsOf(value)], true)
}

/** The parts of an argument. @throws {TypeError} when it is not a text, a finite number, a boolean or a `ShellWord`. */
export function partsOf(value: Word, place = '`word`'): ShellWord['parts'] {
  if (value instanceof ShellWord) return value.parts
  if (typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)) return [String(value)]
  const kind = value === null ? 'null' : typeof value === 'number' ? 'not finite' : `of type ${typeof value}`
  throw new TypeError(
    `${place} is ${kind}: pass a string, a number, a boolean, or what \`raw\`, \`word\`, \`assignment\` or \`output\` made`,
  )
}

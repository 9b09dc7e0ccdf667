/** Shells that commands are written for: POSIX shells, including bash and zsh, or Windows PowerShell 5.1 and newer. */
export type Shell = 'sh' | 'powershell'

/** Shell syntax, which is not quoted. */
interface Syntax {
  readonly syntax: string
  /** True if an unquoted text may follow, because the syntax ends with a quote or `=`. */
  readonly isClosed: boolean
}

/** An argument other than plain text. Created by `raw`, `word`, `assignment` and `Command.output`. */
export class ShellWord {
  readonly parts: readonly (string | Syntax)[]
  /** True for `NAME=value` in front of a command, or alone. */
  readonly isAssignment: boolean

  constructor(parts: readonly (string | Syntax)[], isAssignment = false) {
    this.parts = parts
    this.isAssignment = isAssignment
  }
}

/** One argument of a command. */
export type Word = string | number | boolean | ShellWord

/**
 * Creates an unquoted argument of shell syntax, such as `` raw`"$HOME"` ``. Review it with care. Forbids
 * interpolations, so that it cannot contain a value.
 *
 * @throws {TypeError} if it is not used as a template, has an interpolation, or ends inside an escape.
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
 * Creates an argument of several parts, each quoted separately: `word('--volume=', folder, ':/data')`.
 *
 * @throws {TypeError} without parts.
 */
export function word(...parts: readonly Word[]): ShellWord {
  if (parts.length === 0) throw new TypeError('`word` needs at least one part')
  return new ShellWord(parts.flatMap((part) => partsOf(part)))
}

/**
 * Creates `NAME=value`: a variable of the shell or, in front of a command, of the command's environment.
 *
 * @throws {TypeError} if the name is not a valid variable name.
 */
export function assignment(name: string, value: Word): ShellWord {
  if (!/^[A-Za-z_]\w*$/.test(name)) throw new TypeError('`assignment` needs the name of a variable, such as `SOCKET`')
  return new ShellWord([{ syntax: `${name}=`, isClosed: true }, ...partsOf(value)], true)
}

/** Returns an argument's parts. @throws {TypeError} if it is not text, a finite number, a boolean or a `ShellWord`. */
export function partsOf(value: Word, place = '`word`'): ShellWord['parts'] {
  if (value instanceof ShellWord) return value.parts
  if (typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)) return [String(value)]
  const kind = value === null ? 'null' : typeof value === 'number' ? 'not finite' : `of type ${typeof value}`
  throw new TypeError(
    `${place} is ${kind}: pass a string, a number, a boolean, or the result of \`raw\`, \`word\`, \`assignment\` or \`output\``,
  )
}

import { continuationOf, createShellCommand, isShellCommand, type Shell, type ShellCommand } from './shell-command.ts'
import { readLiterals } from './template-literals.ts'

/** One word, or a command of the same shell, which is put in as it is. */
export type ShellWord = string | number | boolean | ShellCommand
/** What a template accepts: an array becomes one word for each of its items, an empty one nothing. */
export type ShellInterpolation = ShellWord | readonly ShellWord[]

/** Follows the text of a command, to know where an interpolation stands. */
export interface ShellScanner {
  /** @throws TypeError on syntax in which quoting cannot be followed. */
  read(text: string): void
  /** A quoted or bare word was put in. */
  readWord(): void
  /** Why no word can be put in here, for a sentence that begins with the place. */
  readonly refusal: string | undefined
  /** What is left open, such as a quote. */
  readonly unfinished: string | undefined
  /** What stands directly before, as part of the same word. */
  readonly word: string
  /** Whether the current word names the command to run. */
  readonly isCommandName: boolean
}

/** Where a word is put in. */
export interface WordPlace {
  /** For errors. */
  readonly name: string
  /** What stands directly before it, as part of the same word. */
  readonly before: string
  /** What stands directly after it: empty at the end and before another interpolation. */
  readonly after: string
  readonly isCommandName: boolean
  /** Whether the word goes on after it. */
  readonly isFollowed: boolean
}

/** How one shell is written. */
export interface ShellDialect {
  readonly shell: Shell
  createScanner(): ShellScanner
  /** @throws ShellQuotingError when the shell cannot carry the word, TypeError when the place cannot take one. */
  quote(word: string, place: WordPlace): string
}

/** The command that a template with these interpolations stands for. */
export function renderTemplate(
  dialect: ShellDialect,
  strings: TemplateStringsArray,
  values: readonly ShellInterpolation[],
): ShellCommand {
  const literals = readLiterals(strings.raw)
  const scanner = dialect.createScanner()
  let text = literals[0] ?? ''
  scanner.read(text)
  values.forEach((value, index) => {
    const following = literals[index + 1] ?? ''
    const isLast = index === values.length - 1
    const name = `\`${dialect.shell}\`: interpolation ${index + 1}${describeBefore(literals[index] ?? '')}`
    const isFollowed = following === '' ? !isLast : !/^[\s;&|()<>]/.test(following)
    const piece = renderValue(dialect, scanner, value, { name, after: following, isFollowed })
    const [before, after] =
      piece === '' ? closeGap(dialect.shell, text, following, isLast) : ([`${text}${piece}`, following] as const)
    scanner.read(after)
    literals[index + 1] = after
    text = `${before}${after}`
  })
  if (scanner.unfinished !== undefined) {
    throw new TypeError(
      `\`${dialect.shell}\`: the template ends inside ${scanner.unfinished}; close it within the template`,
    )
  }
  return createShellCommand(dialect.shell, text)
}

function describeBefore(literal: string): string {
  const end = literal.slice(-24).trim()
  return end === '' ? '' : ` (after \`${end}\`)`
}

/** Nothing was put in: takes away the blank, or the continued line, that would be left over. */
function closeGap(shell: Shell, before: string, following: string, isLast: boolean): readonly [string, string] {
  if (before !== '' && !/[ \t\n]$/.test(before)) {
    return [before, following]
  }
  const continuation = continuationOf[shell]
  const isContinued = (text: string) => text.endsWith(`${continuation}\n`) && text.at(-3) !== continuation
  const trimmed = before.replace(/[ \t]+$/, '')
  let after = following.replace(/^[ \t]+/, '')
  if ((before === '' || isContinued(trimmed)) && after.startsWith(`${continuation}\n`)) {
    after = after.slice(2).replace(/^[ \t]+/, '')
  }
  if (!after.startsWith('\n') && !(after === '' && isLast)) {
    return [before, after]
  }
  return [isContinued(trimmed) ? trimmed.slice(0, -2).replace(/[ \t]+$/, '') : trimmed, after]
}

interface ValuePlace {
  readonly name: string
  readonly after: string
  /** Whether the word goes on after it. */
  readonly isFollowed: boolean
}

function renderValue(
  dialect: ShellDialect,
  scanner: ShellScanner,
  value: ShellInterpolation,
  place: ValuePlace,
): string {
  if (scanner.refusal !== undefined) {
    throw new TypeError(`${place.name} ${scanner.refusal}`)
  }
  if (!isArray(value)) {
    return renderItem(dialect, scanner, value, place)
  }
  if (scanner.word !== '' || place.isFollowed) {
    throw new TypeError(
      `${place.name} is an array that touches other text: put a blank on both sides, or map the array`,
    )
  }
  const pieces = value.map((item, index) => {
    const isLast = index === value.length - 1
    const piece = renderItem(dialect, scanner, item, isLast ? place : { ...place, after: ' ', isFollowed: false })
    scanner.read(isLast ? '' : ' ')
    return piece
  })
  return pieces.filter((piece) => piece !== '').join(' ')
}

function renderItem(dialect: ShellDialect, scanner: ShellScanner, value: ShellWord, place: ValuePlace): string {
  if (isShellCommand(value)) {
    return splice(dialect.shell, scanner, value, place)
  }
  const word = toWord(value, place.name)
  const piece = dialect.quote(word, { ...place, before: scanner.word, isCommandName: scanner.isCommandName })
  scanner.readWord()
  return piece
}

function splice(shell: Shell, scanner: ShellScanner, command: ShellCommand, place: ValuePlace): string {
  if (command.shell !== shell) {
    throw new TypeError(
      `${place.name} is a command for \`${command.shell}\`: write it with the \`${shell}\` template, or interpolate its \`text\` to make it one quoted word`,
    )
  }
  if (scanner.word !== '' || place.isFollowed) {
    throw new TypeError(`${place.name} is a command that touches other text: put a blank on both sides`)
  }
  scanner.read(command.text)
  return command.text
}

function isArray(value: ShellInterpolation): value is readonly ShellWord[] {
  return Array.isArray(value)
}

function toWord(value: unknown, name: string): string {
  if (
    typeof value === 'string' ||
    typeof value === 'boolean' ||
    (typeof value === 'number' && Number.isFinite(value))
  ) {
    return String(value)
  }
  const kind = value === null ? 'null' : typeof value === 'number' ? 'not finite' : `of type ${typeof value}`
  throw new TypeError(
    `${name} is ${kind}: pass a string, a number, a boolean, a command made by this template, or an array of these`,
  )
}

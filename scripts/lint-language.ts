import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** A word, phrase or opening that a reader would have to translate. */
interface LanguageRule {
  readonly pattern: RegExp
  /** Matched against the words of identifiers too: `toldPoints` has the words `told` and `points`. @default false */
  readonly inIdentifiers?: true
  readonly write: string
}

/** A place that may keep what a rule bans. */
interface Exception {
  /** Path from the root of the repository. */
  readonly file: string
  /** Text that the line holds. */
  readonly text: string
  readonly reason: string
}

/** A line that breaks a rule. */
export interface LanguageProblem {
  readonly file: string
  readonly line: number
  readonly found: string
  readonly write: string
}

const WORDS: readonly LanguageRule[] = [
  { pattern: /\b(?:tell|tells|told|telling)\b/i, inIdentifiers: true, write: 'emit, report, send or say' },
  { pattern: /\bowed?\b|\bowes\b/i, inIdentifiers: true, write: 'pending' },
  { pattern: /\banew\b/i, inIdentifiers: true, write: 'again, from scratch' },
  { pattern: /\bstands? alone\b/i, inIdentifiers: true, write: 'full snapshot' },
  { pattern: /\bnews\b/i, inIdentifiers: true, write: 'changed, change' },
  { pattern: /\b(?:heart|beats?|heard)\b/i, inIdentifiers: true, write: 'heartbeat, send, acknowledged' },
  { pattern: /\bgone\b/, write: 'deleted, removed, no longer exists' },
  { pattern: /\bnobody\b|\bno one\b|\bwhoever\b/i, inIdentifiers: true, write: 'no agent, no process, any client' },
  { pattern: /\bof which\b|\bthat which\b|\bso since\b/i, write: 'two sentences' },
  { pattern: /\bways? out\b/i, inIdentifiers: true, write: 'remedy, fix' },
  { pattern: /\bg(?:iven|ave) up\b/i, inIdentifiers: true, write: 'dropped, released' },
  {
    pattern: /\balike\b|\bhappenings?\b|\bblindness\b|\bin doubt\b/i,
    inIdentifiers: true,
    write: 'similar, occurrence, watch error, unknown',
  },
  {
    pattern: /(?<!\bthere )\b(?:is|are|was|were) no (?!longer\b|more\b|other\b|less\b)/i,
    write: 'a plain negation: “must be a …”, “is not a …”, “has no …”',
  },
  { pattern: /\b(?:MOST|LONGEST|DEEPEST|FEWEST|PATIENCE)(?:_[A-Z_]+)?\b/, write: 'MAX_…, MIN_…, …_TIMEOUT_MS' },
]

/** How no comment and no name of a test begins. */
const OPENING = /^(?:what|who|whose|whom|where|whether|of)\b/i

const COMMENT_LINE = /^\s*(?:\/\*\*|\*(?!\/)|\/\/|#)\s*(.*)$/
/** `test('…'`, `describe.skipIf(…)('…'`, and the name below the table of a `test.each`. */
const TEST_NAME = /(?:\b(?:test|describe)(?:\.\w+(?:\([^'"`]*\))?)*\(|^\s*\](?: as const)?\)\()\s*(['"`])(.*?)\1/

const MAX_COLUMNS = 120

const EXCEPTIONS: readonly Exception[] = [
  { file: 'rig/src/docker/test-images.ts', text: 'nobody:x:65534', reason: 'A user of /etc/passwd.' },
]

const LINTED = /\.(?:ts|mts|mjs|md|ya?ml|sh|tpl|txt)$|(?:^|\/)(?:Dockerfile|run)$/
const SKIPPED = /\/fixtures\/|^docs\/connectors\/|^pnpm-lock|^LICENSE|^apps\/agent\/manifests\/|^scripts\/lint-language/

/** Every line of the repository's text files that breaks a rule of the project's language. */
export function lintLanguage(file: string, text: string): LanguageProblem[] {
  const problems: LanguageProblem[] = []
  let isFenced = false
  let isCommentOpen = false
  text.split('\n').forEach((line, index) => {
    const report = (found: string, write: string): void => {
      if (EXCEPTIONS.some((exception) => exception.file === file && line.includes(exception.text))) return
      problems.push({ file, line: index + 1, found, write })
    }
    const words = wordsOf(line)
    for (const { pattern, inIdentifiers, write } of WORDS) {
      const found = pattern.exec(line) ?? (inIdentifiers === true ? pattern.exec(words) : null)
      if (found !== null) report(found[0], write)
    }
    const comment = file.endsWith('.md') ? undefined : COMMENT_LINE.exec(line)?.[1]
    // Only the first line of a comment is certain to begin a sentence.
    for (const prose of [isCommentOpen ? undefined : comment, TEST_NAME.exec(line)?.[2]])
      if (prose !== undefined && OPENING.test(prose))
        report(prose.slice(0, 40), 'a verb, or a noun phrase, at the beginning')
    isCommentOpen = comment !== undefined && comment !== ''
    if (line.startsWith('```')) isFenced = !isFenced
    if (line.length > MAX_COLUMNS && isProse(file, line, isFenced))
      report(`${line.length} columns`, `lines of at most ${MAX_COLUMNS} columns`)
  })
  return problems
}

function isProse(file: string, line: string, isFenced: boolean): boolean {
  // The system reads a program's interpreter and its flags from one line.
  if (line.startsWith('#!') || /https?:\/\/\S{60}/.test(line)) return false
  if (file.endsWith('.md')) return !isFenced && !line.startsWith('|') && !file.startsWith('.changeset/')
  return COMMENT_LINE.test(line)
}

/** `toldPoints` and `told_points` as the words `told points`. */
function wordsOf(line: string): string {
  return line.replace(/([a-z\d])([A-Z])/g, '$1 $2').replaceAll(/[_-]/g, ' ')
}

function main(paths: readonly string[]): void {
  const files = execFileSync('git', ['ls-files', '--', ...paths], { encoding: 'utf8' })
    .trim()
    .split('\n')
  const problems = files
    .filter((file) => LINTED.test(file) && !SKIPPED.test(file))
    .flatMap((file) => lintLanguage(file, readFileSync(file, 'utf8')))
  for (const { file, line, found, write } of problems) console.log(`${file}:${line}: “${found}”: write ${write}`)
  if (problems.length === 0) return
  console.log(`${problems.length} places to reword. The rules stand in scripts/lint-language.ts.`)
  process.exitCode = 1
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.slice(2))

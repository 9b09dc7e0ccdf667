import { relative, resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { parseArgs } from 'node:util'
import { type Answers, checkAnswers, type Names } from './names.ts'
import { scaffold } from './scaffold.ts'

const USAGE = `Usage: npm create @rca/connector [FOLDER] -- [FLAGS]: writes the package of a connector
  --type VENDOR/NAME  type of the connector, such as acme/queues
  --title TEXT        title in the platform (default: the words of the type)
  --item TEXT         one watched thing, such as queue (default: item)
  --package NAME      name of the package (default: @VENDOR/rca-connector-NAME)
  --yes               asks nothing: takes the defaults`

const OPTIONS = {
  type: { type: 'string' },
  title: { type: 'string' },
  item: { type: 'string' },
  package: { type: 'string' },
  yes: { type: 'boolean' },
  help: { type: 'boolean' },
} as const

process.exitCode = await main(process.argv.slice(2))

/** Runs `create-connector`. Returns the exit code. */
async function main(words: string[]): Promise<number> {
  try {
    const { values, positionals } = parseArgs({ args: words, options: OPTIONS, allowPositionals: true })
    if (values.help === true) {
      print(USAGE)
      return 0
    }
    const asks = values.yes !== true && process.stdin.isTTY === true
    const names = asks ? await askNames(values) : namesOf(values)
    const folder = resolve(positionals[0] ?? names.package.split('/').at(-1) ?? '')
    const files = await scaffold(folder, names, new Date())
    print(`Wrote ${files.length} files into ${folder}. Next:\n`)
    const home = relative(process.cwd(), folder)
    if (home !== '') print(`  cd ${/^[\w./-]+$/.test(home) ? home : JSON.stringify(home)}`)
    print('  npm install\n  npm test')
    return 0
  } catch (error) {
    process.stderr.write(`create-connector: ${(error as Error).message}\n`)
    return 1
  }
}

/** @throws {Error} if an answer is missing or cannot be used */
function namesOf(answers: Partial<Answers>): Names {
  if (answers.type === undefined) throw new Error(`--type is missing.\n${USAGE}`)
  const names = checkAnswers({ ...answers, type: answers.type })
  if ('problem' in names) throw new Error(`${names.problem}. Correct --${names.answer}.`)
  return names
}

/** Asks for what no flag says, again until the answer can be used. */
async function askNames(flags: Partial<Answers>): Promise<Names> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  try {
    const answers: { -readonly [Name in keyof Answers]?: Answers[Name] } = { ...flags }
    const ask = async (answer: keyof Answers, question: string, fallback?: string): Promise<void> => {
      while (answers[answer] === undefined) {
        const hint = fallback === undefined ? '' : ` (${fallback})`
        const text = (await terminal.question(`${question}${hint}: `)).trim() || fallback
        if (text === undefined) continue
        const checked = checkAnswers({ type: 'vendor/name', ...answers, [answer]: text })
        if ('problem' in checked && checked.answer === answer) print(`  ${checked.problem}`)
        else answers[answer] = text
      }
    }
    await ask('type', 'Type, as vendor/name')
    const defaults = namesOf(answers)
    await ask('title', 'Title in the platform', defaults.title)
    await ask('item', 'One watched thing', defaults.item)
    await ask('package', 'Name of the package', defaults.package)
    return namesOf(answers)
  } finally {
    terminal.close()
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

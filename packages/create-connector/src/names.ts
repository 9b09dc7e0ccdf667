/** Answers of an author. */
export interface Answers {
  /** Type of the connector, `vendor/name`. */
  readonly type: string
  /** Title in the platform. @default the words of the type */
  readonly title?: string | undefined
  /** One watched thing, in lower case. @default item */
  readonly item?: string | undefined
  /** Name of the package. @default `@vendor/rca-connector-name` */
  readonly package?: string | undefined
}

/** Names of a connector, in the forms that its files use. */
export interface Names extends Required<{ readonly [Name in keyof Answers]: string }> {
  /** `acmeQueues` */
  readonly identifier: string
  /** `acme_queues` */
  readonly option: string
  /** `acme.queues` */
  readonly signals: string
  readonly vendor: string
}

/** An answer that cannot be used. */
export interface Problem {
  readonly answer: keyof Answers
  readonly problem: string
}

const WORD = '[a-z][a-z0-9]*(?:-[a-z0-9]+)*'
const TYPE = new RegExp(`^${WORD}/${WORD}$`)
const ITEM = /^[a-z][a-z0-9]*(?: [a-z0-9]+)*$/
const PACKAGE = /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/
const TITLE = /^[\p{L}\p{N}][^'"`\\$<>|\p{C}]*$/u

/** Checks the answers and completes them. */
export function checkAnswers(answers: Answers): Names | Problem {
  const { type } = answers
  if (!TYPE.test(type))
    return refuse('type', type, 'must be `vendor/name`, both lower case words joined by `-`, such as `acme/queues`')
  const [vendor = '', name = ''] = type.split('/')
  if (vendor === 'rca') return refuse('type', type, 'belongs to the project: begin it with the name of your company')
  const words = type.split(/[/-]/)
  const title = answers.title ?? capitalize(words.join(' '))
  if (!TITLE.test(title) || title.length > 60)
    return refuse('title', title, 'must be 1 to 60 characters, without quotes, `\\`, `$`, `<`, `>` and `|`')
  const item = answers.item ?? 'item'
  if (!ITEM.test(item)) return refuse('item', item, 'must be words of lower case letters and digits, such as `queue`')
  const packageName = answers.package ?? `@${vendor}/rca-connector-${name}`
  if (!PACKAGE.test(packageName) || packageName.length > 214)
    return refuse('package', packageName, 'must be a name for npm, such as `@acme/rca-connector-queues`')
  return {
    type,
    title,
    item,
    package: packageName,
    identifier: words.map((word, index) => (index === 0 ? word : capitalize(word))).join(''),
    option: words.join('_'),
    signals: `${snake(vendor)}.${snake(name)}`,
    vendor: snake(vendor),
  }
}

function refuse(answer: keyof Answers, value: string, rule: string): Problem {
  return { answer, problem: `the ${answer} ${rule}, got ${JSON.stringify(value)}` }
}

function capitalize(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`
}

function snake(text: string): string {
  return text.replaceAll('-', '_')
}

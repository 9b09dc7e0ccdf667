import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { chartOption, integerPattern, optionsTemplate, optionValues, valuesSchema } from './chart-options.ts'

const PORT = { type: 'integer', minimum: 1, maximum: 65_535, default: 5672, description: 'Port of the broker.' }
const QUEUES = {
  type: 'array',
  items: { type: 'string', pattern: '^[a-z]{1,63}$', maxLength: 63 },
  default: [],
  description: 'Queues that are watched.',
}

describe('chartOption', () => {
  test.each([
    ['log_level', { type: 'string', enum: ['debug', 'info'], default: 'info' }, '""', ['', 'debug'], ['verbose']],
    ['broker_port', PORT, '""', ['', '1', '65535'], ['0', '65536', '05', '-1']],
    ['queues', QUEUES, '[]', ['', 'mails', 'mails, bills'], ['mails,', 'Mails', 'a'.repeat(64)]],
    ['labels', { type: 'array', items: { type: 'string', minLength: 1 } }, '[]', ['', 'a b, c'], ['a,,b']],
    ['timeout', { type: 'string', pattern: '^\\d+s$', maxDuration: '2m' }, '""', ['', '120s', '2m'], ['0s', '121s']],
    ['region', { type: 'string', pattern: '^[a-z]+$', minLength: 1 }, '""', ['', 'north'], ['North']],
    ['watch_mails', { type: 'boolean', default: false }, 'false', ['true', 'false'], ['', 'yes']],
  ] as const)('%s is a value that takes the texts which the agent takes', (key, schema, value, taken, refused) => {
    const option = chartOption(key, { description: 'An option.', ...schema })
    expect(option.value).toBe(value)
    const accepts = (text: string): boolean =>
      option.schema.enum?.includes(text) ?? new RegExp(String(option.schema.pattern)).test(text)
    expect(taken.filter((text) => !accepts(text))).toEqual([])
    expect(refused.filter(accepts)).toEqual([])
  })

  test('names the value in camel case, and keeps limits, description and default', () => {
    expect(chartOption('broker_port', PORT)).toMatchObject({
      name: 'brokerPort',
      schema: { ...PORT, type: ['integer', 'string'] },
    })
    expect(chartOption('cluster_name', { type: 'string', maxLength: 200 }).schema).toMatchObject({ maxLength: 200 })
  })

  test('names the option whose schema has an unknown form', () => {
    expect(() => chartOption('limits', { type: 'object' })).toThrow(/`limits`.*"object"/)
  })
})

test('a new option reaches values, schema and environment without a hand-edited chart file', () => {
  const options = [chartOption('broker_port', PORT), chartOption('queues', QUEUES)]
  const text = `image: {}\n${optionValues(options)}\n`
  expect(parse(text)).toEqual({ image: {}, brokerPort: '', queues: [] })
  expect(text).toContain('# Port of the broker. Default: 5672.\nbrokerPort: ""\n')
  const current = { type: 'object', properties: { global: {}, image: { type: 'object' }, removed: {} } }
  const schema = valuesSchema(current, Object.keys(parse(text) as object), options)
  expect(Object.keys(schema.properties ?? {})).toEqual(['global', 'image', 'brokerPort', 'queues'])
  expect(schema.properties?.image).toEqual({ type: 'object' })
  expect(optionsTemplate(options)).toContain('["brokerPort","queues"]')
})

test('a hand-written value without a schema is refused', () => {
  expect(() => valuesSchema({ properties: { global: {} } }, ['image'], [])).toThrow(/`image`.*values\.schema\.json/)
})

test('descriptions of values wrap at 120 columns', () => {
  const option = chartOption('region', { type: 'string', description: 'word '.repeat(60).trim() })
  const lines = optionValues([option]).split('\n')
  expect(lines.filter((line) => line.length > 120)).toEqual([])
  expect(lines.slice(0, -1).join('').match(/word/g)).toHaveLength(60)
})

describe('integerPattern', () => {
  const limits = [0, 1, 5, 9, 10, 17, 20, 99, 100, 105, 999, 1000, 1440, 4096, 9999]
  const ranges = limits.flatMap((minimum) =>
    limits.filter((limit) => limit >= minimum).map((limit) => [minimum, limit]),
  )

  test.each(ranges)('takes the numbers from %i to %i, and no others', (minimum = 0, maximum = 0) => {
    const pattern = new RegExp(`^(${integerPattern(minimum, maximum)})$`)
    const numbers = Array.from({ length: 10_010 }, (_, number) => number)
    expect(
      numbers.filter((number) => pattern.test(String(number)) !== (number >= minimum && number <= maximum)),
    ).toEqual([])
  })

  test('takes no leading zeros', () => {
    expect(new RegExp(`^(${integerPattern(0, 1000)})$`).test('007')).toBe(false)
  })
})

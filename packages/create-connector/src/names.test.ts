import { describe, expect, test } from 'vitest'
import { checkAnswers } from './names.ts'

describe('names of a connector', () => {
  test('are derived from the type alone', () => {
    expect(checkAnswers({ type: 'big-corp/job-queues' })).toEqual({
      type: 'big-corp/job-queues',
      title: 'Big corp job queues',
      item: 'item',
      package: '@big-corp/rca-connector-job-queues',
      identifier: 'bigCorpJobQueues',
      option: 'big_corp_job_queues',
      signals: 'big_corp.job_queues',
      vendor: 'big_corp',
    })
  })

  test('follow the answers', () => {
    const answers = { type: 'acme/queues', title: 'Jobs', item: 'job', package: 'jobs' }
    expect(checkAnswers(answers)).toMatchObject(answers)
  })

  test.each([
    ['type', { type: 'queues' }, 'vendor/name'],
    ['type', { type: 'Acme/queues' }, 'vendor/name'],
    ['type', { type: 'acme/queues-' }, 'vendor/name'],
    ['type', { type: 'rca/queues' }, 'belongs to the project'],
    ['title', { type: 'acme/queues', title: "Acme's" }, 'without quotes'],
    ['title', { type: 'acme/queues', title: '' }, '1 to 60'],
    ['title', { type: 'acme/queues', title: 'two\nlines' }, '1 to 60'],
    ['item', { type: 'acme/queues', item: 'Queue' }, 'lower case'],
    ['package', { type: 'acme/queues', package: 'A b' }, 'a name for npm'],
  ] as const)('refuse a bad %s: %j', (answer, answers, part) => {
    expect(checkAnswers(answers)).toEqual({ answer, problem: expect.stringContaining(part) })
  })
})

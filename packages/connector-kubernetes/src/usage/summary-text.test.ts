import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseSummary } from './summary-text.ts'

const captured = readFileSync(
  new URL('../../test/fixtures/kubernetes-1.20/stats-summary.json', import.meta.url),
  'utf8',
)

/** With its pods as a list. */
function parsed(text: string): unknown {
  const { pods, ...rest } = parseSummary(Buffer.from(text)) as { readonly pods: Iterable<unknown> }
  return { ...rest, pods: [...pods] }
}

test.each([
  ['with white space', captured],
  ['without', JSON.stringify(JSON.parse(captured))],
  ['in another order', JSON.stringify({ pods: JSON.parse(captured).pods, node: JSON.parse(captured).node })],
  ['of one pod', JSON.stringify({ node: {}, pods: [{ podRef: { uid: 'a' } }] })],
  ['of no pod', JSON.stringify({ node: {}, pods: [] })],
  [
    'of pods that begin otherwise',
    JSON.stringify({
      node: {},
      pods: [
        { cpu: {}, podRef: {} },
        { cpu: {}, podRef: {} },
      ],
    }),
  ],
  ['with a text like a pod', JSON.stringify({ node: {}, pods: [{ podRef: { name: '{"podRef":' } }, { podRef: {} }] })],
])('a summary %s is what it is when it is parsed at once', (_, text) => {
  expect(parsed(text)).toEqual(JSON.parse(text))
})

test('pods are parsed when it is their turn', () => {
  const text = '{"node":{},"pods":[{"podRef":{"uid":"a"}},{"podRef":broken},{"podRef":{"uid":"c"}}]}'
  const { pods } = parseSummary(Buffer.from(text)) as { readonly pods: Iterable<unknown> }
  const each = pods[Symbol.iterator]()
  expect(each.next().value).toEqual({ podRef: { uid: 'a' } })
  expect(() => each.next()).toThrow(SyntaxError)
})

test.each(['', 'text', '{"node":{},"pods":[{"podRef":1},{"podRef":2}'])('%j cannot be parsed', (text) => {
  expect(() => parseSummary(Buffer.from(text))).toThrow(SyntaxError)
})

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { summaryText } from './kubelet-summary.ts'

/** Answer of a real kubelet 1.20. */
const CAPTURED = new URL(
  '../../../../packages/connector-kubernetes/test/fixtures/kubernetes-1.20/stats-summary.json',
  import.meta.url,
)
const captured = readFileSync(CAPTURED, 'utf8')
const pod = { name: 'web', namespace: 'usage', uid: 'a', containers: ['app', 'sidecar'], volumes: ['config', 'tmp'] }

/** Returns the paths of all values, without list indexes. */
function pathsOf(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null) return [path]
  return Object.entries(value).flatMap(([name, member]) =>
    pathsOf(member, Array.isArray(value) ? `${path}[]` : `${path}.${name}`),
  )
}

function fieldsOf(json: string): string[] {
  return [...new Set(pathsOf(JSON.parse(json)))].toSorted()
}

describe('summaryText', () => {
  test('has the fields of a real summary except those of volume claims', () => {
    const made = summaryText('node1', [pod], new Date())
    expect(fieldsOf(made)).toEqual(fieldsOf(captured).filter((field) => !field.includes('pvcRef')))
  })

  test('is as large as a real summary', () => {
    const real = captured.length / JSON.parse(captured).pods.length
    expect(summaryText('node1', [pod], new Date()).length).toBeGreaterThan(real)
  })

  test('changes its numbers over time', () => {
    const [now, later] = [summaryText('node1', [pod], new Date(0)), summaryText('node1', [pod], new Date(30_000))]
    expect(fieldsOf(later)).toEqual(fieldsOf(now))
    expect(later).not.toBe(now)
  })
})

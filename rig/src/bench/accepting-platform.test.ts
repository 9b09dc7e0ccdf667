import { AGENT_PATHS, type Metric, type SeriesValues } from '@rca/core/protocol'
import { expect, onTestFinished, test } from 'vitest'
import { startAcceptingPlatform } from './accepting-platform.ts'

const entity = { type: 'host', id: '1' }
const point = (name: string): Metric => ({ name, value: 1, entity, attributes: {}, unit: '1', kind: 'gauge' })

test('names the sets of series that a report holds in full, and accepts values of these alone', async () => {
  const platform = await startAcceptingPlatform()
  onTestFinished(platform.close)
  const send = async (...metrics: readonly (Metric | SeriesValues)[]) => {
    const body = JSON.stringify({ reports: [{ agent_id: 'a', data: { metrics } }], series_sets: true })
    const response = await fetch(platform.url + AGENT_PATHS.data, { method: 'POST', body })
    return { status: response.status, ...((await response.json()) as { readonly series_sets?: readonly string[] }) }
  }

  const first = await send(point('load'), point('uptime'))
  expect(first).toMatchObject({ status: 202, series_sets: [expect.any(String)] })
  const [series_set = ''] = first.series_sets ?? []
  expect(await send({ series_set, values: [1, 2] }, point('load'))).toMatchObject({
    status: 202,
    series_sets: [expect.not.stringMatching(series_set)],
  })
  expect(await send({ series_set: 'x'.repeat(22), values: [1] })).toMatchObject({ status: 409 })
  expect(platform.reports()).toBe(2)
})

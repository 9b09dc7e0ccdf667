import { expect, test, vi } from 'vitest'
import { watchOpenResources } from './open-resources.ts'

test('names the kinds that were opened and not closed', async () => {
  const older = setInterval(() => undefined, 1e6)
  const logOpenResources = watchOpenResources()
  const debug = vi.fn()
  const logger = { debug, info: vi.fn(), warn: vi.fn(), error: vi.fn() }
  await logOpenResources('acme/queues', logger)
  expect(debug).not.toHaveBeenCalled()
  const leaked = setInterval(() => undefined, 1e6)
  setInterval(() => undefined, 1e6).unref()
  await logOpenResources('acme/queues', logger)
  const fields = { agent_type: 'acme/queues', open: ['Timeout'] }
  expect(debug.mock.calls).toEqual([[fields, 'connector left resources open']])
  for (const timer of [older, leaked]) clearInterval(timer)
})

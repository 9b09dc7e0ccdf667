import { expect, test } from 'vitest'
import { inDockersWords, type PodmanEvent } from './podman-words.ts'

const event: PodmanEvent = {
  type: 'container',
  action: 'start',
  actor: 'a',
  attributes: { name: 'web' },
  timeNano: '1',
  healthStatus: undefined,
}

test('what Docker says stays as it is', () => {
  const { healthStatus: _none, ...docker } = event
  expect(inDockersWords(event)).toEqual(docker)
})

test.each<[string, Partial<PodmanEvent>, object]>([
  ['a removal', { action: 'remove' }, { action: 'destroy' }],
  ['a verdict', { action: 'health_status', healthStatus: 'unhealthy' }, { action: 'health_status: unhealthy' }],
  ['the end of a run', { action: 'die', attributes: { containerExitCode: '3' } }, { attributes: { exitCode: '3' } }],
  ['a volume', { type: 'volume', actor: '', attributes: { name: 'data' } }, { actor: 'data' }],
  ['a network', { type: 'network', attributes: { name: '', network: 'shop' } }, { attributes: { name: 'shop' } }],
])('%s is said as Docker says it', (_what, podman, docker) => {
  expect(inDockersWords({ ...event, ...podman })).toMatchObject(docker)
})

test('that a container joined a network that is not named says nothing', () => {
  expect(inDockersWords({ ...event, type: 'network', action: 'disconnect' })).toBeUndefined()
  const docker = { type: 'network', action: 'disconnect', attributes: { container: 'a', name: 'shop' } }
  expect(inDockersWords({ ...event, ...docker })).toMatchObject(docker)
})

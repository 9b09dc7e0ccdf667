import type { Event } from '@rca/core/connector'
import { describe, expect, test } from 'vitest'
import { type ContainerChange, changed, engineEvent } from '../../test/engine-events.ts'
import { type FakeClientParts, fakeClient, fakeEngine } from '../../test/fake-engine.ts'
import { captured } from '../../test/fixtures.ts'
import { parseMessage } from './engine-message.ts'
import { describeStartFailure, findStartFailures } from './start-failure.ts'

const of = captured()
const plain = of.container('plain')
const failed: ContainerChange = {
  state: { status: 'created', exitCode: 127, error: 'exec: no such file, token=canary-a' },
}

/** Disconnects the container from its network. Returns the reported event. */
async function leave(
  change: ContainerChange,
  parts: FakeClientParts = {},
  action = 'disconnect',
): Promise<Event | undefined> {
  const engine = fakeEngine(of)
  engine.existing.set(plain.id, changed(plain, change))
  const attributes = { container: plain.id, name: 'bridge' }
  const event = engineEvent({ type: 'network', action, actor: 'n1', moment: '2026-11-25T00:00:01Z', attributes })
  return describeStartFailure(parseMessage(event), fakeClient(of, { engine, ...parts }), new AbortController().signal)
}

describe('describeStartFailure', () => {
  test('returns the error of a failed start without secrets', async () => {
    expect(await leave(failed)).toMatchObject({
      name: 'container.start_failed',
      severity: 'error',
      entity: { type: 'container', id: plain.id },
      body: 'Container plain could not be started: exec: no such file, token=[redacted]',
      attributes: { 'container.exit_code': 127, 'container.error': 'exec: no such file, token=[redacted]' },
    })
  })

  test.each<[string, ContainerChange, FakeClientParts?, string?]>([
    ['ended', { state: { status: 'exited', error: undefined } }],
    ['runs', { state: { status: 'running', error: 'of an attempt before' } }],
    ['joins a network', failed, {}, 'connect'],
    ['is excluded', failed, { config: { exclude_containers: ['plain'] } }],
  ])('returns undefined for a container that %s', async (_what, change, parts, action) => {
    expect(await leave(change, parts, action)).toBeUndefined()
  })
})

describe('findStartFailures', () => {
  const at = new Date('2026-11-30T00:00:10Z')
  // Podman 5.4 answers so after `docker run --network none IMAGE /no/such`. It sends the event `create` alone.
  const podman = changed(captured('podman-5').container('plain'), {
    networkMode: 'none',
    state: {
      status: 'created',
      exitCode: 0,
      startedAt: undefined,
      error:
        'crun: executable file `/no/such` not found: No such file or directory: OCI runtime attempted to invoke a command that was not found',
    },
  })

  test('returns the error of a failed start of Podman once', async () => {
    const of = captured('podman-5')
    const engine = fakeEngine(of)
    engine.existing.set(podman.id, podman)
    const client = fakeClient(of, { engine })
    const find = () => findStartFailures([podman], client, at, new AbortController().signal)
    expect(await find()).toMatchObject([
      {
        name: 'container.start_failed',
        body: expect.stringContaining(
          'Container plain could not be started: crun: executable file `/no/such` not found',
        ),
      },
    ])
    expect(await find()).toEqual([])
  })

  test('inspects no container of Docker outside the network of another container', async () => {
    const engine = fakeEngine(of)
    const client = fakeClient(of, { engine })
    const containers = [changed(plain, { networkMode: 'none', ...failed }), changed(plain, failed)]
    expect(await findStartFailures(containers, client, at, new AbortController().signal)).toEqual([])
    expect(engine.requests).toEqual([])
  })
})

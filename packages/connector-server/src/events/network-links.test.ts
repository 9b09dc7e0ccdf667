import { idle, runWatcher, watchContext } from '@rca/connector-testkit'
import { describe, expect, test } from 'vitest'
import { fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import { networkLinks } from './network-links.ts'

type Files = Partial<Record<'operstate' | 'flags' | 'carrier_changes' | 'speed', string>>

/** Runs the watcher over the files of `eth0` at each look; `undefined` removes the interface. */
async function watch(
  looks: (Files | undefined)[],
  { cursor, isBridge = false }: { cursor?: string; isBridge?: boolean } = {},
) {
  const root = fixtureRoot()
  const client = openFixture(root)
  const show = (files: Files | undefined): void => {
    const directory = 'sys/class/net/eth0'
    if (files === undefined) {
      root.remove(directory)
      root.change('proc/1/net/dev', (text) => text.replace(/^ *eth0:.*\n/m, ''))
      return
    }
    const all = { operstate: 'up', flags: '0x1003', carrier_changes: '2', speed: '10000', ...files }
    for (const [name, text] of Object.entries(all)) root.write(`${directory}/${name}`, `${text}\n`)
    if (isBridge) root.write(`${directory}/bridge/stp_state`, '0\n')
  }
  const [first, ...others] = looks
  show(first)
  const context = watchContext({ steps: others.map((files) => () => show(files)), cursor })
  await runWatcher(networkLinks, client, context)
  return context
}

const summaries = (context: Awaited<ReturnType<typeof watch>>) =>
  context.events().map(({ name, severity, body }) => `${severity} ${name}: ${body}`)

describe('networkLinks', () => {
  test('reports an interface that is set down and up', async () => {
    const context = await watch([{}, { operstate: 'down', flags: '0x1002', carrier_changes: '3' }, {}, {}])
    expect(summaries(context)).toEqual([
      'error network.interface.down: eth0 is down: it was set down',
      'info network.interface.up: eth0 is up again after 10 s',
    ])
    expect(context.events()[0]).toMatchObject({
      entity: { type: 'network.interface', id: 'eth0' },
      attributes: { 'server.network.state': 'down' },
    })
  })

  test('reports a lost carrier, another speed, and a removal', async () => {
    const context = await watch([
      {},
      { operstate: 'down', carrier_changes: '3' },
      { carrier_changes: '4', speed: '1000' },
      undefined,
    ])
    expect(summaries(context)).toEqual([
      'error network.interface.down: eth0 is down: it lost its carrier',
      'info network.interface.up: eth0 is up again after 10 s',
      'warning network.interface.speed_changed: eth0 runs at 1 Gbit/s instead of 10 Gbit/s',
      'error network.interface.down: eth0 is down: it was removed',
    ])
  })

  test('reports a carrier that was lost between two looks, and counts a series', async () => {
    const context = await watch([2, 4, 4, 8, 200].map((count) => ({ carrier_changes: String(count) })))
    expect(summaries(context)).toEqual([
      'warning network.interface.flapped: eth0 lost its carrier once, and has it again',
      'warning network.interface.flapped: eth0 lost its carrier 3 times, and has it again',
      'warning network.interface.flapped: eth0 lost its carrier 99 times, and has it again',
    ])
  })

  test('does not report an interface without a cable, or a state that stays', async () => {
    expect(summaries(await watch([{ operstate: 'down' }, { operstate: 'down' }]))).toEqual([])
    expect(summaries(await watch([{ operstate: 'unknown' }, { operstate: 'unknown' }]))).toEqual([])
    const down = { operstate: 'down', flags: '0x1002' }
    expect((await watch([{}, down, down, down])).events()).toHaveLength(1)
  })

  test('reports bridges of containers as information, and not their removal', async () => {
    const context = await watch([{}, { operstate: 'down' }, undefined], { isBridge: true })
    expect(summaries(context)).toEqual(['info network.interface.down: eth0 is down: it lost its carrier'])
  })

  test('notices across a restart of the agent that an interface went down', async () => {
    const before = await watch([{}, {}])
    const cursor = before.cursors.at(-1)!
    expect(summaries(await watch([{ operstate: 'down' }], { cursor }))).toHaveLength(1)
    expect(summaries(await watch([{}], { cursor }))).toEqual([])
  })

  test('reads no state where the kernel shows none', async () => {
    const context = watchContext({ steps: [idle] })
    await runWatcher(networkLinks, openFixture(fixtureRoot()), context)
    expect(context.events()).toEqual([])
  })
})

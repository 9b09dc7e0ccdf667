import type { StaticDescription } from '@rca/core'
import { describe, expect, test } from 'vitest'
import { checkVersion } from './commands/pack.ts'
import { compareDescriptions } from './compare-descriptions.ts'

const published: StaticDescription = {
  format: 1,
  package: 'lamps',
  version: '1.2.3',
  contract: 1,
  type: 'example/lamps',
  title: 'Lamps',
  description: 'Watches lamps',
  config: {
    type: 'object',
    properties: {
      lamp_url: { type: 'string', default: 'http://lamp' },
      colour: { type: 'string', enum: ['red', 'blue'] },
    },
  },
  signals: {
    entities: [
      { type: 'lamp', description: 'A lamp.', attributes: { room: 'Its room.' }, relations: { part_of: 'The house.' } },
    ],
    metrics: [{ name: 'lamp.power', unit: 'W', kind: 'gauge', description: 'Power.', attributes: {} }],
    events: [{ name: 'lamp.broken', severity: 'error', description: 'A lamp broke.', attributes: {} }],
  },
  collectors: ['power'],
  watchers: [],
  features: [],
}

/** A later version with one edit of its JSON. */
function edited(from: string, to: string): StaticDescription {
  const text = JSON.stringify(published)
  expect(text).toContain(from)
  return JSON.parse(text.replace(from, to)) as StaticDescription
}

describe('changes of a connector', () => {
  test.each([
    ['"example/lamps"', '"example/lights"', 'major', 'changes the type `example/lamps` to `example/lights`'],
    ['"unit":"W"', '"unit":"kW"', 'major', 'changes the unit of the metric `lamp.power` from `W` to `kW`'],
    ['"kind":"gauge"', '"kind":"counter"', 'major', 'changes the kind of the metric'],
    ['{"room":"Its room."}', '{}', 'major', 'removes `room`, an attribute of the entity `lamp`'],
    ['{"part_of":"The house."}', '{}', 'major', 'removes `part_of`, a relation of the entity `lamp`'],
    ['"attributes":{}', '"attributes":{"phase":"Its phase."}', 'minor', 'adds `phase`, an attribute of the metric'],
    ['["red","blue"]', '["red"]', 'major', 'accepts fewer values for the option `colour`'],
    ['["red","blue"]', '["red","blue","green"]', undefined, ''],
    ['"default":"http://lamp"', '"default":"http://light"', 'minor', 'changes the default of the option `lamp_url`'],
    ['{"type":"string","default"', '{"type":"integer","default"', 'major', 'changes `type` of the option `lamp_url`'],
    ['"type":"object"', '"type":"object","required":["colour"]', 'major', 'requires the option `colour`'],
    ['"A lamp."', '"A light."', undefined, ''],
  ] as const)('%s → %s: %s', (from, to, kind, text) => {
    const changes = compareDescriptions(published, edited(from, to))
    expect(changes).toEqual(kind === undefined ? [] : [{ kind, text: expect.stringContaining(text) }])
  })

  test('a renamed signal is removed and added', () => {
    expect(compareDescriptions(published, edited('"lamp.broken"', '"lamp.failed"'))).toEqual([
      { kind: 'major', text: 'removes the event `lamp.broken`' },
      { kind: 'minor', text: 'adds the event `lamp.failed`' },
    ])
  })
})

describe('the version of a package', () => {
  const removed = (version: string): StaticDescription => ({ ...edited('"lamp.broken"', '"lamp.failed"'), version })
  const added = (version: string): StaticDescription => ({
    ...edited('"attributes":{}', '"attributes":{"phase":"Its phase."}'),
    version,
  })
  const before = (version: string): StaticDescription => ({ ...published, version })

  test.each([
    ['1.2.3', removed('2.0.0')],
    ['1.2.3', added('1.3.0')],
    ['1.2.3', added('2.0.0')],
    ['0.2.3', removed('0.3.0')],
    ['0.2.3', added('0.2.4')],
    ['0.2.3', removed('1.0.0')],
    ['1.2.3', before('1.2.3')],
  ])('a version after %s that suffices for its changes', (version, now) => {
    expect(() => checkVersion(before(version), now)).not.toThrow()
  })

  test.each([
    ['1.2.3', removed('1.3.0'), 'major'],
    ['1.2.3', added('1.2.4'), 'minor'],
    ['1.2.3', removed('1.2.3'), 'major'],
    ['0.2.3', removed('0.2.4'), 'minor'],
    ['0.2.3', added('0.2.3'), 'patch'],
    ['2.0.0', removed('1.0.0'), 'major'],
  ])('a version after %s that is too low for its changes', (version, now, step) => {
    expect(() => checkVersion(before(version), now)).toThrow(`is not a new ${step} version after ${version}`)
  })
})

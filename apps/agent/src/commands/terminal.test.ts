import { createRegistry } from '@rca/core'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { captureOutput, hostRegistry, startFakePlatform, temporaryDirectory } from '../../test/fakes.ts'
import { exitWith } from '../exit.ts'
import { collect } from './collect.ts'
import { doctor } from './doctor.ts'
import { types } from './types.ts'

/** Sets the title, turns red, clears the screen, rings, overwrites the line, turns text around, and forges a line. */
const UNSAFE = '\u001b]0;owned\u0007\u001b[31mfull\u009b2J\u0007\rok\u202e\nok    token'
const SHOWN = 'fullok ok token'
const CONTROL = /[^\P{Cc}\n]|\p{Bidi_Control}/u

/** A host whose names and reasons a terminal would interpret. */
const registry = hostRegistry({ gaps: [{ scope: `disk:${UNSAFE}`, reason: UNSAFE }], name: UNSAFE })

const words = (text: string): string => text.replaceAll(/\s+/g, ' ')

describe('a terminal', () => {
  test('shows the signals of `collect` in one line each', async () => {
    const output = captureOutput()
    await collect(registry, { AGENT_TYPE: 'hosts' }, { text: true })
    expect(output.stdout()).not.toMatch(CONTROL)
    const lines = output.stdout().trimEnd().split('\n')
    expect(lines.filter((line) => !/^(?:entity|metric|event|gap) /.test(line))).toEqual([])
    expect(words(lines[0] ?? '')).toBe(`entity host web-1 ${SHOWN}`)
    expect(words(output.stdout())).toContain(`gap disk:${SHOWN}: ${SHOWN}`)
  })

  test('shows the JSON of `collect` as it is', async () => {
    const output = captureOutput()
    await collect(registry, { AGENT_TYPE: 'hosts' }, {})
    expect(output.stdout()).not.toMatch(CONTROL)
    expect(JSON.parse(output.stdout()).data.gaps[0].reason).toBe(UNSAFE)
  })

  test.each([false, true])('shows the findings of `doctor`, as JSON: %s', async (json) => {
    const body = { title: 'Unauthorized', status: 401, detail: UNSAFE }
    const platform = await startFakePlatform({ status: 401, body, access: { status: 401, body } })
    const output = captureOutput()
    const environment = {
      PLATFORM_API_URL: platform.url,
      AGENT_TOKEN: 'agent_shop',
      AGENT_TYPE: 'hosts',
      RCA_STATE_DIR: temporaryDirectory(),
    }
    await doctor(registry, environment, { json })
    expect(output.stdout()).not.toMatch(CONTROL)
    expect(output.stdout()).toContain('refused by the platform')
    if (!json) {
      expect(words(output.stdout())).toContain(`disk:${SHOWN}: ${SHOWN}`)
      expect(output.stdout().match(/^ok +token/gm)).toBeNull()
    }
  })

  test('shows problems of connectors, and errors', async () => {
    const output = captureOutput()
    const problems = [{ package: 'broken', version: '1.0.0', message: UNSAFE }]
    await types({ ...createRegistry([]), problems }, { json: false })
    await types({ ...createRegistry([]), problems }, { json: true })
    // `exitWith` ends the process a second later.
    vi.useFakeTimers({ toFake: ['setTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    await exitWith(() => Promise.reject(new Error(UNSAFE)))
    process.exitCode = 0
    expect(output.stdout() + output.stderr()).not.toMatch(CONTROL)
    expect(words(output.stderr())).toContain(`${SHOWN} `)
  })
})

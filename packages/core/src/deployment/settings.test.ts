import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { command } from './command.ts'
import type { DeploymentTarget } from './deployment.ts'
import { chartValueName, environmentName, escapeChartValue, settings } from './settings.ts'

function target(settings: Record<string, string>, deploymentSettings: Record<string, string> = {}): DeploymentTarget {
  return {
    platformUrl: 'https://api.example.com',
    agentToken: 'k8s-token',
    agentType: 'kubernetes',
    config: {},
    settings,
    deploymentSettings,
    hostPlatform: 'linux',
  }
}

describe('settings', () => {
  test('converts config keys to environment variables', () => {
    expect(environmentName('log_level')).toBe('LOG_LEVEL')
    expect(settings.environmentVariables(target({ retry_count: '3', note: 'a=b c' }, { namespace: 'x' }))).toEqual([
      'PLATFORM_API_URL=https://api.example.com',
      'AGENT_TOKEN=k8s-token',
      'AGENT_TYPE=kubernetes',
      'RETRY_COUNT=3',
      'NOTE=a=b c',
    ])
  })

  test('converts config keys to chart values', () => {
    expect(chartValueName('max_batch_size')).toBe('maxBatchSize')
    expect(
      settings.chartValues(target({ max_batch_size: '1000', namespace: 'x', labels: '{a=b},c\\' }), {
        omit: ['namespace'],
      }),
    ).toEqual([
      'platformUrl=https://api.example.com',
      'agentToken=k8s-token',
      'maxBatchSize=1000',
      'labels=\\{a=b}\\,c\\\\',
    ])
  })

  test('rejects a setting with the name of a setting of every agent', () => {
    expect(() => settings.environmentVariables(target({ agent_token: 'x' }))).toThrow(
      '`agent_token` has the name of a setting of every agent',
    )
    expect(() => settings.chartValues(target({ platform_url: 'x' }))).toThrow(TypeError)
    expect(settings.chartValues(target({ platform_url: 'x' }), { omit: ['platform_url'] })).toHaveLength(2)
  })

  test('forms the Helm command of the specification', () => {
    const written = { namespace: 'monitoring', release_name: 'incident-rca', replicas: '2' }
    const values = settings.chartValues(target({}, written), { omit: ['namespace', 'release_name'] })
    const install = command(
      ...['helm', 'install', written.release_name, 'incident-rca/agent'],
      ['--namespace', written.namespace],
      ...values.map((value) => ['--set', value]),
    )
    const addRepository = command('helm', 'repo', 'add', 'incident-rca', 'https://charts.example.com')
    expect(addRepository.and(install, { newLine: true }).text).toBe(
      [
        'helm repo add incident-rca https://charts.example.com && \\',
        '  helm install incident-rca incident-rca/agent \\',
        '  --namespace monitoring \\',
        '  --set platformUrl=https://api.example.com \\',
        '  --set agentToken=k8s-token \\',
        '  --set replicas=2',
      ].join('\n'),
    )
  })

  /**
   * The value part of Helm's strvals parser: a brace in front begins a list, a backslash takes the next character, a
   * comma ends the value.
   */
  function readAsHelm(text: string): string {
    if (text.startsWith('{')) {
      throw new Error('a list')
    }
    const characters = [...text]
    let value = ''
    for (let index = 0; index < characters.length; index += 1) {
      const character = characters[index]
      if (character === ',') {
        throw new Error('another value')
      }
      if (character === '\\') {
        index += 1
      }
      value += characters[index] ?? ''
    }
    return value
  }

  test('escapes values so that Helm reads them back unchanged', () => {
    const character = fc.constantFrom(...'{}[],.=\\ a"\n')
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: character }), fc.string({ unit: 'grapheme' })), (value) => {
        expect(readAsHelm(escapeChartValue(value))).toBe(value)
      }),
      { numRuns: 2000 },
    )
  })
})

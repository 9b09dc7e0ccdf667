import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { extract } from 'tar-stream'
import { describe, expect, onTestFinished, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { packChart } from '../src/helm/pack-chart.ts'
import { startApi } from './kit.ts'

const chart = fileURLToPath(new URL('../../agent/chart', import.meta.url))

interface Index {
  readonly apiVersion: string
  readonly entries: Readonly<
    Record<string, readonly { name: string; version: string; urls: string[]; digest: string }[]>
  >
}

/** Unpacks a chart. */
async function filesOf(archive: Buffer): Promise<Map<string, string>> {
  const files = new Map<string, string>()
  for await (const entry of Readable.from([gunzipSync(archive)]).pipe(extract())) {
    let text = ''
    for await (const chunk of entry) text += String(chunk)
    files.set(entry.header.name, text)
  }
  return files
}

/** Copies the chart for one test. */
function copyOfChart(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rca-chart-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  cpSync(chart, folder, { recursive: true })
  return folder
}

describe('the chart repository', () => {
  test('serves an index with the digest of the chart it lists', async () => {
    const api = await startApi()
    const response = await api.app.inject('/charts/index.yaml')
    expect([response.statusCode, response.headers['content-type'], response.headers['cache-control']]).toEqual([
      200,
      'application/yaml',
      'public, max-age=300',
    ])
    const { apiVersion, entries } = parse(response.body) as Index
    expect([apiVersion, Object.keys(entries)]).toEqual(['v1', ['agent']])
    const [entry] = entries.agent ?? []
    expect(entry).toMatchObject({ name: 'agent', apiVersion: 'v2', urls: [`agent-${entry?.version}.tgz`] })
    const archive = await api.app.inject(`/charts/${entry?.urls[0]}`)
    expect([archive.statusCode, archive.headers['content-type'], archive.headers['cache-control']]).toEqual([
      200,
      'application/gzip',
      'public, max-age=300',
    ])
    expect(createHash('sha256').update(archive.rawPayload).digest('hex')).toBe(entry?.digest)
    const files = await filesOf(archive.rawPayload)
    expect(files.get('agent/Chart.yaml')).toBe(readFileSync(join(chart, 'Chart.yaml'), 'utf8'))
    expect([...files.keys()]).toEqual(
      expect.arrayContaining(['agent/values.yaml', 'agent/values.schema.json', 'agent/templates/deployment.yaml']),
    )
  })

  test('names its chart when another is requested', async () => {
    const api = await startApi()
    const response = await api.app.inject('/charts/agent-99.0.0.tgz')
    expect([response.statusCode, response.headers['content-type']]).toEqual([404, 'application/problem+json'])
    expect(response.json().detail).toMatch(/This platform serves `agent-\d+\.\d+\.\d+\.tgz`/)
  })

  test('names the variable to set when the agent’s package is in another folder', async () => {
    const api = await startApi({ agentFolder: '/nowhere' })
    for (const url of ['/charts/index.yaml', '/charts/agent-0.1.0.tgz', '/manifests/agent.yaml']) {
      const response = await api.app.inject(url)
      expect([response.statusCode, response.json().detail]).toEqual([
        404,
        expect.stringContaining('`RCA_AGENT_FOLDER`'),
      ])
      expect(response.body).not.toContain('/nowhere')
    }
  })
})

describe('a packed chart', () => {
  test('has the same bytes for the same files, whatever their times', async () => {
    const [first, second] = [copyOfChart(), copyOfChart()]
    utimesSync(join(second, 'values.yaml'), 1, 1)
    const packed = await packChart(first)
    expect(await packChart(second)).toEqual(packed)
    writeFileSync(join(second, 'values.yaml'), 'replicas: 2\n')
    expect((await packChart(second)).index).not.toBe(packed.index)
  })

  test('leaves out hidden files of editors and systems', async () => {
    const folder = copyOfChart()
    writeFileSync(join(folder, '.DS_Store'), '')
    writeFileSync(join(folder, 'templates/.deployment.yaml.swp'), '')
    const files = await filesOf((await packChart(folder)).archive)
    expect([...files.keys()].filter((file) => file.includes('/.'))).toEqual([])
  })
})

describe('the manifests', () => {
  interface Manifest {
    readonly kind: string
    readonly metadata: { readonly name: string; readonly namespace?: string }
    readonly subjects?: readonly { readonly namespace: string }[]
    readonly roleRef?: { readonly name: string }
  }

  async function manifests(query = ''): Promise<Manifest[]> {
    const api = await startApi()
    const { statusCode, headers, body } = await api.app.inject(`/manifests/agent.yaml${query}`)
    expect([statusCode, headers['content-type']]).toEqual([200, 'application/yaml'])
    return parseAllDocuments(body).map((document) => document.toJS() as Manifest)
  }

  test('contain no Secret', async () => {
    const kinds = (await manifests()).map(({ kind }) => kind)
    expect(kinds).toEqual(expect.arrayContaining(['Deployment', 'ServiceAccount', 'ClusterRole', 'Lease']))
    expect(kinds).not.toContain('Secret')
  })

  test('use the requested namespace', async () => {
    const all = await manifests('?namespace=monitoring')
    for (const { kind, metadata, subjects = [], roleRef } of all) {
      if (kind.startsWith('ClusterRole')) expect(metadata.name).toBe('monitoring-incident-rca-agent')
      else
        expect(metadata).toMatchObject({ namespace: 'monitoring', name: expect.stringMatching(/^incident-rca-agent/) })
      if (kind === 'ClusterRoleBinding') expect(roleRef?.name).toBe('monitoring-incident-rca-agent')
      for (const subject of subjects) expect(subject.namespace).toBe('monitoring')
    }
  })

  test.each(['a%0Ab', 'A', '-a', 'a'.repeat(64), '$(id)'])(
    'are refused for the invalid namespace %s',
    async (namespace) => {
      const api = await startApi()
      const response = await api.app.inject(`/manifests/agent.yaml?namespace=${namespace}`)
      expect(response.statusCode).toBe(422)
      expect(response.json().errors[0].pointer).toBe('#/query/namespace')
    },
  )
})

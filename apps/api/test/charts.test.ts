import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { extract } from 'tar-stream'
import { describe, expect, it, onTestFinished } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { packChart } from '../src/helm/pack-chart.ts'
import { startApi } from './start-api.ts'

const chart = fileURLToPath(new URL('../../agent/chart', import.meta.url))

interface Index {
  readonly apiVersion: string
  readonly entries: Readonly<
    Record<string, readonly { name: string; version: string; urls: string[]; digest: string }[]>
  >
}

/** The files of a packed chart. */
async function filesOf(archive: Buffer): Promise<Map<string, string>> {
  const files = new Map<string, string>()
  for await (const entry of Readable.from([gunzipSync(archive)]).pipe(extract())) {
    let text = ''
    for await (const chunk of entry) text += String(chunk)
    files.set(entry.header.name, text)
  }
  return files
}

/** A copy of the chart for one test. */
function copyOfChart(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rca-chart-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  cpSync(chart, folder, { recursive: true })
  return folder
}

describe('the chart repository', () => {
  it('has an index whose digest is that of the chart it names', async () => {
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

  it('says which chart it has when another is asked for', async () => {
    const api = await startApi()
    const response = await api.app.inject('/charts/agent-99.0.0.tgz')
    expect([response.statusCode, response.headers['content-type']]).toEqual([404, 'application/problem+json'])
    expect(response.json().detail).toMatch(/This platform serves `agent-\d+\.\d+\.\d+\.tgz`/)
  })

  it('says what to set where the agent’s package is elsewhere', async () => {
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
  it('is the same for the same files, whenever they were written', async () => {
    const [first, second] = [copyOfChart(), copyOfChart()]
    utimesSync(join(second, 'values.yaml'), 1, 1)
    const packed = await packChart(first)
    expect(await packChart(second)).toEqual(packed)
    writeFileSync(join(second, 'values.yaml'), 'replicas: 2\n')
    expect((await packChart(second)).index).not.toBe(packed.index)
  })

  it('leaves out what an editor or a system left behind', async () => {
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

  it('hold no Secret', async () => {
    const kinds = (await manifests()).map(({ kind }) => kind)
    expect(kinds).toEqual(expect.arrayContaining(['Deployment', 'ServiceAccount', 'ClusterRole', 'Lease']))
    expect(kinds).not.toContain('Secret')
  })

  it('are in the namespace that was asked for', async () => {
    const all = await manifests('?namespace=monitoring')
    for (const { kind, metadata, subjects = [], roleRef } of all) {
      if (kind.startsWith('ClusterRole')) expect(metadata.name).toBe('monitoring-incident-rca-agent')
      else
        expect(metadata).toMatchObject({ namespace: 'monitoring', name: expect.stringMatching(/^incident-rca-agent/) })
      if (kind === 'ClusterRoleBinding') expect(roleRef?.name).toBe('monitoring-incident-rca-agent')
      for (const subject of subjects) expect(subject.namespace).toBe('monitoring')
    }
  })

  it.each(['a%0Ab', 'A', '-a', 'a'.repeat(64), '$(id)'])('are refused for the namespace %s', async (namespace) => {
    const api = await startApi()
    const response = await api.app.inject(`/manifests/agent.yaml?namespace=${namespace}`)
    expect(response.statusCode).toBe(422)
    expect(response.json().errors[0].pointer).toBe('#/query/namespace')
  })
})

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { helmProgram, run } from '@rca/rig'
import { realDescribe } from '@rca/rig/real'
import { expect, onTestFinished, test } from 'vitest'
import { startApi } from './kit.ts'

const helm = await helmProgram().then(
  async (program) => run(program, ['version', '--short']).then(() => program),
  () => undefined,
)

/** Runs Helm with folders of its own. */
function isolatedHelm(): { folder: string; run(...words: string[]): Promise<string> } {
  const folder = mkdtempSync(join(tmpdir(), 'rca-helm-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const env = { HELM_CACHE_HOME: folder, HELM_CONFIG_HOME: folder, HELM_DATA_HOME: folder }
  return { folder, run: (...words) => run(helm ?? 'helm', words, { env, cwd: folder }) }
}

realDescribe('Helm with the platform as its repository', helm === undefined ? { missing: 'helm' } : {}, () => {
  test('adds the repository, again and with another address, and finds, pulls and renders the chart', async () => {
    const [old, api] = [await startApi(), await startApi()]
    const { folder, run: runHelm } = isolatedHelm()
    const urls = [await old.listen(), await api.listen()]
    for (const url of [...urls, ...urls.slice(1)])
      expect(await runHelm('repo', 'add', 'incident-rca', `${url}/charts`, '--force-update')).toContain(
        '"incident-rca" has been added',
      )
    const found = JSON.parse(await runHelm('search', 'repo', 'incident-rca/agent', '--output', 'json')) as {
      version: string
    }[]
    await runHelm('pull', 'incident-rca/agent')
    expect(readdirSync(folder)).toContain(`agent-${found[0]?.version}.tgz`)
    const words = ['--set-string', 'platformUrl=https://api.example.com', '--set-string', 'agentToken=k8s-token']
    expect(await runHelm('template', 'incident-rca', 'incident-rca/agent', ...words)).toContain('kind: Deployment')
    expect(await runHelm('lint', `agent-${found[0]?.version}.tgz`)).toContain('0 chart(s) failed')
  })
})

import { expect, test } from 'vitest'
import { realDescribe } from '../real.ts'
import { run } from '../run.ts'
import { testRun } from '../shared-resource.ts'
import { docker } from './docker-cli.ts'
import { findEngine, releaseEngine } from './shared-engine.ts'
import { BUSYBOX_IMAGE } from './test-images.ts'

const engine = await findEngine(testRun())

realDescribe('shared engine', engine, () => {
  test('runs containers of busybox', async () => {
    expect(await docker(engine.dockerHost, ['run', '--rm', '--network', 'none', BUSYBOX_IMAGE, 'echo', 'hello'])).toBe(
      'hello',
    )
  })

  test('is the same for every process, and stays while another process uses it', async () => {
    // A running process outside this test run.
    const other = 1
    expect(await findEngine(other)).toEqual(engine)
    expect(await releaseEngine(other)).toBe('left alone')
    expect(await docker(engine.dockerHost, ['version', '--format', '{{.Server.Version}}'])).not.toBe('')
  })
})

test('an unknown part or action prints the usage', async () => {
  const script = new URL('../main.ts', import.meta.url).pathname
  for (const args of [[], ['docker'], ['docker', 'sideways'], ['podman'], ['vm', 'up'], ['docker', 'up', 'now']])
    await expect(run(process.execPath, [script, ...args])).rejects.toThrow('npm run rig -- PART up|down')
  await expect(run(process.execPath, [script, 'docker', 'up', '--version', '27'])).rejects.toThrow(
    '`--version` must be one of `docker 26`, `podman 5`, got `docker 27`.',
  )
})

import { expect, test } from 'vitest'
import { realDescribe } from '../real.ts'
import { run } from '../run.ts'
import { testRun } from '../test-run.ts'
import { docker } from './docker-cli.ts'
import { findEngine, releaseEngine } from './shared-engine.ts'

const engine = await findEngine(testRun())

realDescribe('the engine that tests share', engine, () => {
  test('has the image of which test containers are made', async () => {
    expect(await docker(engine.dockerHost, ['run', '--rm', '--network', 'none', 'busybox:local', 'echo', 'well'])).toBe(
      'well',
    )
  })

  test('is the same for whoever asks next, and stays as long as somebody uses it', async () => {
    // A process that runs, and is none of this run's.
    const other = 1
    expect(await findEngine(other)).toEqual(engine)
    expect(await releaseEngine(other)).toBe('left alone')
    expect(await docker(engine.dockerHost, ['version', '--format', '{{.Server.Version}}'])).not.toBe('')
  })
})

test('a part or action that there is not is answered with those that there are', async () => {
  const script = new URL('../main.ts', import.meta.url).pathname
  for (const words of [[], ['docker'], ['docker', 'sideways'], ['podman', 'up'], ['docker', 'up', 'now']])
    await expect(run(process.execPath, [script, ...words])).rejects.toThrow('npm run rig -- PART up|down')
})

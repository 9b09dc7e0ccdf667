import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { fakeMachine } from '../../../test/fake-machine.ts'
import { createLayout } from '../layout.ts'
import { createForeground } from './foreground.ts'

test('stop waits until the process has ended, which closes its socket earlier', async () => {
  const agent = spawn('sh', ['-c', 'trap "" TERM; echo ready; read line'], { stdio: ['pipe', 'pipe', 'ignore'] })
  onTestFinished(() => void agent.kill('SIGKILL'))
  await once(agent.stdout, 'data')
  const machine = fakeMachine()
  const answers = [{ pid: agent.pid }]
  Object.assign(machine, {
    health: async () => answers.shift(),
    sleep: async () => {
      const ended = once(agent, 'exit')
      agent.stdin.end()
      await ended
    },
  })
  await createForeground(machine, createLayout('linux')).stop()
  expect(agent.exitCode).not.toBeNull()
})

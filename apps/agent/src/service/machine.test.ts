import { once } from 'node:events'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { temporaryDirectory } from '../../test/fakes.ts'
import { thisMachine } from './machine.ts'

const machine = thisMachine()

describe('this machine', () => {
  test('runs programs without a shell, in the C locale', async () => {
    expect(await machine.run('printf', '%s', '$HOME')).toEqual({ status: 0, output: '$HOME' })
    expect(await machine.run('sh', '-c', 'echo "$LC_ALL"; echo failed >&2; exit 3')).toEqual({
      status: 3,
      output: 'C\nfailed',
    })
    expect(await machine.run('no-such-program')).toMatchObject({ status: 127 })
  })

  test('finds programs in the search path', () => {
    expect(machine.has('sh')).toBe(true)
    expect(machine.has('no-such-program')).toBe(false)
  })

  test('reads the health of an agent, and knows when none answers', async () => {
    const socket = join(temporaryDirectory(), 'agent.sock')
    expect(await machine.health(socket)).toBeUndefined()
    const answers = ['{"pid":1}', 'no JSON']
    const server = createServer((_request, response) => response.end(answers.shift()))
    server.listen(socket)
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    expect(await machine.health(socket)).toEqual({ pid: 1 })
    expect(await machine.health(socket)).toBeUndefined()
  })
})

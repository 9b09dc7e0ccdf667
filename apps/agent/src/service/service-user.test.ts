import { describe, expect, test } from 'vitest'
import { fakeMachine } from '../../test/fake-machine.ts'
import { createServiceUser, findServiceUser, removeServiceUser } from './service-user.ts'

const HOME = '/var/lib/rca-agent'

describe('the user of the agent', () => {
  test('is created without a login, found and removed', async () => {
    const machine = fakeMachine()
    machine.write('/usr/sbin/nologin', '')
    expect(await findServiceUser(machine)).toBeUndefined()
    await createServiceUser(machine, HOME)
    expect(machine.calls.at(-1)).toBe(
      'useradd --system --user-group --no-create-home --home-dir /var/lib/rca-agent --shell /usr/sbin/nologin rca-agent',
    )
    expect(await findServiceUser(machine)).toEqual({ user: 999, group: 999 })
    machine.write('/etc/group', 'root:x:0:\nrca-agent:x:999:\n')
    await removeServiceUser(machine)
    expect(machine.calls.slice(-2)).toEqual(['userdel rca-agent', 'groupdel rca-agent'])
  })

  test('is created with the programs of busybox', async () => {
    const machine = fakeMachine({ has: ['adduser'] })
    await createServiceUser(machine, HOME)
    expect(machine.calls).toEqual([
      'addgroup -S rca-agent',
      'adduser -S -D -H -h /var/lib/rca-agent -s /usr/bin/false -G rca-agent rca-agent',
    ])
  })

  test('gets a free id on macOS', async () => {
    const machine = fakeMachine({ platform: 'darwin' })
    machine.programs.set('dscl', (...words) => ({ output: words.includes('-list') ? '_a  300\n_b  301\nroot  0' : '' }))
    await createServiceUser(machine, HOME)
    expect(machine.calls).toContain('dscl . -create /Users/rca-agent UniqueID 302')
    await removeServiceUser(machine)
    expect(machine.calls.at(-1)).toBe('dscl . -delete /Groups/rca-agent')
  })

  test('cannot be created without a program for it', async () => {
    const machine = fakeMachine({ has: [] })
    await expect(createServiceUser(machine, HOME)).rejects.toMatchObject({ failure: 'missingTool' })
  })

  test('reports the output of a program that failed', async () => {
    const machine = fakeMachine()
    machine.programs.set('useradd', () => ({ status: 1, output: 'cannot lock /etc/passwd' }))
    await expect(createServiceUser(machine, HOME)).rejects.toThrow('`useradd` failed: cannot lock /etc/passwd')
  })
})

import { parse } from 'plist'
import { expect, test } from 'vitest'
import { fakeMachine } from '../../../test/fake-machine.ts'
import { createLayout } from '../layout.ts'
import { createLaunchd } from './launchd.ts'

test('the property list of launchd runs the installed agent, and starts it again when it ends', () => {
  const layout = createLayout('darwin')
  const [file] = createLaunchd(fakeMachine(), layout).files
  expect(file).toMatchObject({ path: '/Library/LaunchDaemons/rca-agent.plist', mode: 0o644 })
  expect(parse(file?.text ?? '')).toMatchObject({
    Label: 'rca-agent',
    ProgramArguments: [layout.program, 'service', 'run', '--prefix', layout.prefix],
    RunAtLoad: true,
    KeepAlive: true,
    ExitTimeOut: 30,
    StandardErrorPath: layout.log,
  })
})

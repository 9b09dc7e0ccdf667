import { type Layout, SERVICE_NAME } from '../layout.ts'
import type { Machine } from '../machine.ts'
import { readLog, runManager } from '../run-manager.ts'
import type { ServiceManager } from '../service-manager.ts'

/** Installs the agent as a daemon of launchd. */
export function createLaunchd(machine: Machine, layout: Layout): ServiceManager {
  const plist = `/Library/LaunchDaemons/${SERVICE_NAME}.plist`
  const target = `system/${SERVICE_NAME}`
  const isLoaded = async (): Promise<boolean> => (await machine.run('launchctl', 'print', target)).status === 0
  const stop = async (): Promise<void> => {
    if (await isLoaded()) await runManager(machine, 'launchctl', 'bootout', target)
  }
  return {
    name: 'launchd',
    files: [{ path: plist, mode: 0o644, text: renderPlist(layout) }],
    reload: async () => undefined,
    enable: () => runManager(machine, 'launchctl', 'enable', target),
    // `bootout` does it, and the file is removed.
    disable: async () => undefined,
    start: async () => {
      await stop()
      await runManager(machine, 'launchctl', 'bootstrap', 'system', plist)
    },
    stop,
    isRunning: async () => /^\s*state = running$/m.test((await machine.run('launchctl', 'print', target)).output),
    recentLog: () => readLog(machine, layout.log),
    logCommand: `tail -f ${layout.log}`,
  }
}

/** `service run` reads the environment, and becomes the agent as its user. Paths of a layout need no escapes. */
function renderPlist({ prefix, program, log }: Layout): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>${SERVICE_NAME}</string>
  <key>ProgramArguments</key>
  <array>
    <string>${program}</string>
    <string>service</string>
    <string>run</string>
    <string>--prefix</string>
    <string>${prefix}</string>
  </array>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <true/>
  <key>ThrottleInterval</key>
  <integer>5</integer>
  <key>ExitTimeOut</key>
  <integer>30</integer>
  <key>ProcessType</key>
  <string>Background</string>
  <key>StandardOutPath</key>
  <string>${log}</string>
  <key>StandardErrorPath</key>
  <string>${log}</string>
</dict>
</plist>
`
}

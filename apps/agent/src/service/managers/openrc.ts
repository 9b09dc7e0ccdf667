import { type Layout, SERVICE_NAME } from '../layout.ts'
import type { Machine } from '../machine.ts'
import { logRotation, readLog, runManager } from '../run-manager.ts'
import type { ServiceManager } from '../service-manager.ts'

/** Installs the agent as a service of OpenRC, which restarts it with supervise-daemon. */
export function createOpenrc(machine: Machine, layout: Layout): ServiceManager {
  const isStarted = async (): Promise<boolean> =>
    (await machine.run('rc-service', '--quiet', SERVICE_NAME, 'status')).status === 0
  return {
    name: 'OpenRC',
    files: [
      { path: `/etc/init.d/${SERVICE_NAME}`, mode: 0o755, text: renderScript(layout) },
      ...logRotation(machine, layout),
    ],
    reload: async () => undefined,
    enable: () => runManager(machine, 'rc-update', '--quiet', 'add', SERVICE_NAME, 'default'),
    disable: () => runManager(machine, 'rc-update', '--quiet', 'delete', SERVICE_NAME, 'default'),
    start: async () => runManager(machine, 'rc-service', SERVICE_NAME, (await isStarted()) ? 'restart' : 'start'),
    stop: () => runManager(machine, 'rc-service', '--ifstarted', SERVICE_NAME, 'stop'),
    isRunning: isStarted,
    recentLog: () => readLog(machine, layout.log),
    logCommand: `tail -f ${layout.log}`,
  }
}

/** `service run` reads the environment, and becomes the agent as its user. */
function renderScript({ prefix, program, log }: Layout): string {
  return `#!/sbin/openrc-run
# Written by \`rca-agent service install\`, which replaces it.
description="Root-cause analysis (RCA) agent"
supervisor=supervise-daemon
command=${program}
command_args="service run --prefix ${prefix}"
respawn_delay=5
respawn_max=0
output_log=${log}
error_log=${log}
retry=TERM/30/KILL/5

depend() {
  use net dns
  after localmount bootmisc firewall
}
`
}

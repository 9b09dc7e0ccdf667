import { type Layout, SERVICE_NAME } from '../layout.ts'
import type { Machine } from '../machine.ts'
import { logRotation, readLog, runManager } from '../run-manager.ts'
import type { ServiceManager } from '../service-manager.ts'

/** Installs the agent as an init script of System V, such as sysvinit of Debian and Devuan has. */
export function createSysv(machine: Machine, layout: Layout): ServiceManager {
  const script = `/etc/init.d/${SERVICE_NAME}`
  const service = (action: string): Promise<void> => runManager(machine, script, action)
  return {
    name: 'sysvinit',
    files: [{ path: script, mode: 0o755, text: renderScript(layout) }, ...logRotation(machine, layout)],
    reload: async () => undefined,
    enable: () => runManager(machine, 'update-rc.d', SERVICE_NAME, 'defaults'),
    // The script still exists: `-f` removes its links all the same.
    disable: () => runManager(machine, 'update-rc.d', '-f', SERVICE_NAME, 'remove'),
    start: () => service('restart'),
    stop: () => service('stop'),
    isRunning: async () => (await machine.run(script, 'status')).status === 0,
    recentLog: () => readLog(machine, layout.log),
    logCommand: `tail -f ${layout.log}`,
  }
}

/** `service run` reads the environment, and becomes the agent as its user: the process keeps its id. */
function renderScript({ prefix, program, log }: Layout): string {
  return `#!/bin/sh
# Written by \`rca-agent service install\`, which replaces it.
### BEGIN INIT INFO
# Provides:          ${SERVICE_NAME}
# Required-Start:    $local_fs $network
# Required-Stop:     $local_fs
# Should-Start:      $named
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: Root-cause analysis (RCA) agent
### END INIT INFO
PATH=/usr/sbin:/usr/bin:/sbin:/bin
pidfile=/run/${SERVICE_NAME}.pid

start() {
  start-stop-daemon --start --quiet --oknodo --background --make-pidfile --pidfile "$pidfile" \\
    --startas /bin/sh -- -c 'exec ${program} service run --prefix ${prefix} >>${log} 2>&1'
}

stop() {
  start-stop-daemon --stop --quiet --oknodo --retry TERM/30/KILL/5 --remove-pidfile --pidfile "$pidfile"
}

case "$1" in
start) start ;;
stop) stop ;;
restart | force-reload) stop && start ;;
status) start-stop-daemon --status --pidfile "$pidfile" ;;
*) echo "Usage: $0 {start|stop|restart|force-reload|status}" >&2 && exit 2 ;;
esac
`
}

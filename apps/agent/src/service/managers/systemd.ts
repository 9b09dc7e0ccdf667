import { readFileSync } from 'node:fs'
import { type Layout, SERVICE_NAME } from '../layout.ts'
import type { Machine } from '../machine.ts'
import { runManager } from '../run-manager.ts'
import type { ServiceManager } from '../service-manager.ts'

const UNIT = `${SERVICE_NAME}.service`

/** Installs the agent as a unit of systemd. */
export function createSystemd(machine: Machine, layout: Layout): ServiceManager {
  const systemctl = (...words: readonly string[]): Promise<void> => runManager(machine, 'systemctl', ...words)
  const reload = async (): Promise<void> => {
    await systemctl('daemon-reload')
    // Fails if the unit has not failed.
    await machine.run('systemctl', 'reset-failed', UNIT)
  }
  const logCommand = `journalctl --unit ${SERVICE_NAME}`
  return {
    name: 'systemd',
    files: [{ path: `/etc/systemd/system/${UNIT}`, mode: 0o644, text: renderUnit(layout, hasJournalGroup(machine)) }],
    reload,
    enable: () => systemctl('enable', '--quiet', UNIT),
    disable: () => systemctl('disable', '--quiet', UNIT),
    start: async () => {
      await reload()
      await systemctl('restart', UNIT)
    },
    stop: () => systemctl('stop', UNIT),
    isRunning: async () => (await machine.run('systemctl', 'is-active', '--quiet', UNIT)).status === 0,
    recentLog: async (since) => {
      const words = [
        '--unit',
        SERVICE_NAME,
        '--since',
        `@${Math.floor(since / 1000)}`,
        '--lines',
        '10',
        '--no-pager',
        '--output',
        'cat',
      ]
      return (await machine.run('journalctl', ...words)).output
    },
    logCommand,
  }
}

/** Group whose members may read the journal of the system. systemd-journald.service(8) */
const JOURNAL_GROUP = 'systemd-journal'

/** A unit with an unknown group does not start. */
function hasJournalGroup(machine: Machine): boolean {
  try {
    return new RegExp(`^${JOURNAL_GROUP}:`, 'm').test(readFileSync(machine.path('/etc/group'), 'utf8'))
  } catch {
    return false
  }
}

/** Renders the unit. It confines the agent as far as the connectors allow; each exception has its reason. */
export function renderUnit(
  { program, environmentFile, state, runtime, socket }: Layout,
  hasJournalGroup: boolean,
): string {
  const journal = `# Groups: the journal, whose last lines are reported with a failed unit.
SupplementaryGroups=${JOURNAL_GROUP}

`
  return `# Written by \`rca-agent service install\`, which replaces it. Changes belong into \`systemctl edit ${SERVICE_NAME}\`.
[Unit]
Description=Root-cause analysis (RCA) agent
After=network-online.target nss-lookup.target
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=${program} run
EnvironmentFile=${environmentFile}
User=${SERVICE_NAME}
Group=${SERVICE_NAME}
StateDirectory=${state.replace('/var/lib/', '')}
StateDirectoryMode=0700
# The health socket: ${socket}
RuntimeDirectory=${runtime.replace('/run/', '')}
RuntimeDirectoryMode=0750
UMask=0077
Restart=always
RestartSec=5
# A wrong configuration: a restart does not help.
RestartPreventExitStatus=2
TimeoutStopSec=30

# Privileges. The kernel's log, which names the victims of the out-of-memory killer, needs CAP_SYSLOG where
# kernel.dmesg_restrict is 1. It would be useless in a user namespace, so PrivateUsers= is not set.
NoNewPrivileges=yes
CapabilityBoundingSet=CAP_SYSLOG
AmbientCapabilities=CAP_SYSLOG
RestrictSUIDSGID=yes

${hasJournalGroup ? journal : ''}# Devices: only /dev/kmsg, the kernel's log. It is not there with PrivateDevices=yes or ProtectKernelLogs=yes.
DevicePolicy=closed
DeviceAllow=/dev/kmsg r

# Files: nothing can be written but the state and the health socket. Home directories are read-only, not hidden: the
# agent measures filesystems that are mounted there.
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
RemoveIPC=yes

# Kernel. /proc has all processes, which the agent counts and measures, and the kernel's statistics: ProtectProc= and
# ProcSubset= are not set.
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
ProtectClock=yes
# A host name that changes is reported, but a service with ProtectHostname=yes does not see it.
LockPersonality=yes
RestrictNamespaces=yes
RestrictRealtime=yes
KeyringMode=private

# Network: the platform, the system bus of systemctl, and the list of network interfaces (AF_NETLINK). The platform may
# have any address, so IPAddressAllow= is not set.
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK

# System calls. Node compiles code while it runs and marks its memory as executable, so MemoryDenyWriteExecute= is not
# set; it protects that memory with the calls of @pkey. Calls that are not allowed fail, as on an older kernel.
SystemCallArchitectures=native
SystemCallFilter=@system-service @pkey
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
`
}

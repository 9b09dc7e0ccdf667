export const direction = {
  disk: { 'system.device': 'Name of the disk.', 'disk.io.direction': '`read` or `write`.' },
  network: { 'network.interface.name': 'Name of the interface.', 'network.io.direction': '`receive` or `transmit`.' },
} as const

export const process = {
  'process.pid': 'Id of the process.',
  'process.executable.name': 'Name of the program, without its arguments.',
} as const

export const unit = {
  'systemd.unit.name': 'Name of the unit.',
  'systemd.unit.result': 'Why it failed, as systemd says: `exit-code`, `signal`, `timeout`, `oom-kill` and others.',
  'process.exit.code': 'Exit code of its main process.',
  'server.process.exit_signal': 'Number of the signal that ended its main process.',
} as const

export const mountPoint = { 'system.filesystem.mountpoint': 'Where it is mounted.' } as const

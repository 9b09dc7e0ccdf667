import { option } from '@rca/core/connector'
import { z } from 'zod'

const TIME = '(?:[01]\\d|2[0-3]):[0-5]\\d'
/** Two times of the day that differ, as `rca-agent service install` reads them. */
const WINDOW = new RegExp(`^(${TIME})-(?!\\1$)${TIME}$`)

const options = z.strictObject({
  platform: option
    .deploymentOnly(z.enum(['linux', 'macos', 'windows']))
    .optional()
    .describe('Operating system of the deployment command. Without it, the system that requests the command.'),
  install_url: option
    .deploymentOnly(z.url({ protocol: /^https?$/ }))
    .optional()
    .describe(
      'URL from which the installers `agent.sh`, `agent.ps1` and `agent.rb` are downloaded. Without it, `/install` of the platform.',
    ),
  auto_update: option
    .deploymentOnly(z.enum(['on', 'off']))
    .optional()
    .describe(
      'Whether root upgrades the agent once a day to the newest version of the platform, with a rollback. Linux only. By default `off`.',
    ),
  auto_update_window: option
    .deploymentOnly(z.string().regex(WINDOW, 'must be two different times of the day, such as 02:00-04:00'))
    .optional()
    .describe("Time of the day for these upgrades, in the server's time zone. By default `02:00-04:00`."),
  top_processes: z
    .int()
    .min(0)
    .max(100)
    .default(10)
    .describe('How many processes are reported by CPU, and how many by memory.'),
  crash_log_lines: z
    .int()
    .min(0)
    .max(1000)
    .default(50)
    .describe('Maximum number of lines of the journal reported with a failed systemd unit, up to 16 KiB; 0 for none.'),
  root_path: z
    .string()
    .startsWith('/')
    .default('/')
    .describe(
      "Directory at which the host's root is mounted, with /proc and /sys, such as /host in a container. Linux only.",
    ),
  watched_folders: option
    .distinct(z.array(z.string().startsWith('/')))
    .default(['/etc'])
    .describe(
      'Folders whose files are compared: changes are reported with path, size, mode and a keyed hash, never the content. At most 5,000 files. Linux only.',
    ),
  certificate_ports: option
    .distinct(z.array(z.int().min(1).max(65_535)))
    .default([443, 465, 636, 853, 993, 995, 2376, 2379, 5671, 6443, 8443, 8883, 9443, 10_250])
    .describe(
      'TCP ports of this host whose programs are asked for their certificate, once an hour by a TLS handshake: those that expire are reported. Empty for none. Linux only.',
    ),
  exclude_interfaces: option
    .distinct(z.array(z.string().min(1)))
    .default(['lo', 'veth*', 'cali*', 'lxc*', 'ifb*', 'dummy*'])
    .describe('Network interfaces to leave out; `*` matches any text.'),
  exclude_mounts: option
    .distinct(z.array(z.string().min(1)))
    .default([])
    .describe('Mount points to leave out, besides pseudo filesystems of the kernel; `*` matches any text.'),
})

/** Options of the server connector, as an operator writes them. */
export const configSchema: typeof options = options.refine(
  ({ platform = 'linux', auto_update }) => platform === 'linux' || auto_update !== 'on',
  { path: ['auto_update'], error: 'is available on Linux only: leave it out, or set `platform` to linux' },
)

/** Checked options of the server connector, with defaults. */
export type ServerConfig = z.output<typeof configSchema>

import { option } from '@rca/core/connector'
import { z } from 'zod'

/** Options of the server connector, as an operator writes them. */
export const configSchema = z.strictObject({
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
  top_processes: z
    .int()
    .min(0)
    .max(100)
    .default(10)
    .describe('How many processes are reported by CPU, and how many by memory.'),
  root_path: z
    .string()
    .startsWith('/')
    .default('/')
    .describe(
      "Directory at which the host's root is mounted, with /proc and /sys, such as /host in a container. Linux only.",
    ),
  exclude_interfaces: z
    .array(z.string().min(1))
    .default(['lo', 'veth*', 'cali*', 'lxc*', 'ifb*', 'dummy*'])
    .describe('Network interfaces to leave out; `*` matches any text.'),
  exclude_mounts: z
    .array(z.string().min(1))
    .default([])
    .describe('Mount points to leave out, besides pseudo filesystems of the kernel; `*` matches any text.'),
})

/** Checked options of the server connector, with defaults. */
export type ServerConfig = z.output<typeof configSchema>

import { deploymentOnly } from '@rca/core/connector'
import { z } from 'zod'

/** The options of the server connector, as an operator writes them. */
export const configSchema = z.strictObject({
  platform: deploymentOnly(z.enum(['linux', 'macos', 'windows']))
    .optional()
    .describe(
      'System that the deployment command is written for. Without it, the system on which the command is asked for.',
    ),
  install_url: deploymentOnly(z.url({ protocol: /^https?$/ }))
    .default('https://install.example.com')
    .describe('Where the installers `agent.sh` and `agent.ps1` are downloaded from.'),
  top_processes: z
    .int()
    .min(0)
    .max(100)
    .default(10)
    .describe('How many processes are named for their use of CPU, and how many for their use of memory.'),
  root_path: z
    .string()
    .startsWith('/')
    .default('/')
    .describe(
      "Folder at which the host's root is mounted, with its /proc and /sys, such as /host in a container. Linux only.",
    ),
  exclude_interfaces: z
    .array(z.string().min(1))
    .default(['lo', 'veth*', 'cali*', 'lxc*', 'ifb*', 'dummy*'])
    .describe('Network interfaces that are left out; `*` stands for any text.'),
  exclude_mounts: z
    .array(z.string().min(1))
    .default([])
    .describe('Mount points that are left out, beside the kernel’s pseudo filesystems; `*` stands for any text.'),
})

/** The checked options of the server connector, with defaults. */
export type ServerConfig = z.output<typeof configSchema>

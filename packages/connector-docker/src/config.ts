import { deploymentOnly } from '@rca/core/connector'
import { z } from 'zod'
import { addressProblem } from './engine/endpoint.ts'

/** A name that Docker accepts for a container (moby `RestrictedNameChars`). */
const containerName = z
  .string()
  .min(2, 'must have at least two characters')
  .regex(
    /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/,
    'must begin with a letter or digit, followed by letters, digits, `_`, `.` or `-`',
  )
  .max(200)

/** A mount's paths are fields of a line of CSV (`docker run --mount`). */
const path = z.string().regex(/^\/[^,"\r\n]*$/, 'must begin with `/`, and hold no `,`, `"` or line break')

const engineAddress = z
  .string()
  .regex(/^(?:unix:\/\/\/[^,"\r\n]+|(?:tcp|https?):\/\/.+)$/, {
    error: 'must be `unix:///path/to/docker.sock`, whose path holds no `,`, `"` or line break, or `tcp://host:port`',
    abort: true,
  })
  .refine((address) => addressProblem(address) === undefined, {
    error: ({ input }) => addressProblem(String(input)),
  })

/** What stands before the first slash is a registry where it is `localhost` or holds a dot or a colon, and may be in upper case. */
const image = z
  .string()
  .regex(/^[\w][\w.:/@-]*$/, 'must be an image reference, such as `registry/agent:1.0`')
  .regex(
    /^(?:[^/]*[.:][^/]*\/|localhost\/)?[^A-Z:@]*(?:[:@][^/]*)?$/,
    'must have no upper case in the name of the image, such as `registry/agent:1.0`: engines refuse it',
  )

/** The options of the Docker connector, as an operator writes them. */
export const configSchema = z.strictObject({
  docker_host: engineAddress
    .optional()
    .describe(
      'The engine, as in `DOCKER_HOST`: `unix:///path` or `tcp://host:port`. Without it `/var/run/docker.sock`.',
    ),
  docker_tls_verify: z
    .union(
      [z.boolean(), z.stringbool({ truthy: ['1', 'true'], falsy: ['0', 'false', ''] })],
      'must be `true` or `false`',
    )
    .default(false)
    .describe('Whether a `tcp://` engine is spoken to over TLS, with the certificates in `docker_cert_path`.'),
  docker_cert_path: path.optional().describe('Folder with `ca.pem`, `cert.pem` and `key.pem` for a `tcp://` engine.'),
  root_path: path
    .default('/')
    .describe(
      "Folder at which the host's /proc and /sys/fs/cgroup are mounted, such as /host in a container. Where they are absent, the engine's stats are asked instead, which costs more.",
    ),
  container_labels: z
    .array(z.string().min(1))
    .default(['com.docker.compose.*', 'org.opencontainers.image.*'])
    .describe('Labels of containers that are reported; `*` stands for any text. All others stay on the host.'),
  exclude_containers: z
    .array(z.string().min(1))
    .default([])
    .describe('Names of containers that are left out; `*` stands for any text.'),
  crash_log_lines: z
    .int()
    .min(0)
    .max(1000)
    .default(200)
    .describe('Most lines of a crashed container’s log that are kept as evidence, 16 KiB at most; 0 for none.'),
  container_name: deploymentOnly(containerName)
    .default('incident-rca-agent')
    .describe('Name of the container in which the agent runs.'),
  image: deploymentOnly(image).default('incident-rca/agent:latest').describe("The agent's image."),
  network: deploymentOnly(z.string().regex(/^[a-zA-Z0-9][\w.:-]*$/, 'must be the name of a network, such as `host`'))
    .optional()
    .describe("Network of the agent's container, such as `host`."),
  extra_hosts: deploymentOnly(z.array(z.string().regex(/^[^\s:=]+[:=].+$/, 'must be `name:address`')))
    .default([])
    .describe("Further names that the agent's container knows, as `name:address`; `name:host-gateway` is the host."),
  https_proxy: deploymentOnly(z.url({ protocol: /^https?$/ }))
    .optional()
    .describe('Proxy through which the agent reaches the platform.'),
  no_proxy: deploymentOnly(z.string().min(1))
    .optional()
    .describe('Hosts that are reached without the proxy, separated by commas.'),
  ca_file: deploymentOnly(path)
    .optional()
    .describe("File on the Docker host with the certificate authority of the platform's TLS certificate, as PEM."),
})

/** The checked options of the Docker connector, with defaults. */
export type DockerConfig = z.output<typeof configSchema>

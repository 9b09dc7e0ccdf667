import { option } from '@rca/core/connector'
import { z } from 'zod'
import { addressProblem } from './engine/endpoint.ts'

/** Docker's rule for container names (moby `RestrictedNameChars`). */
const containerName = z
  .string()
  .min(2, 'must have at least two characters')
  .regex(
    /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/,
    'must begin with a letter or digit, followed by letters, digits, `_`, `.` or `-`',
  )
  .max(200)

/** Path of a mount, which becomes a CSV field (`docker run --mount`). */
const path = z.string().regex(/^\/[^,"\r\n]*$/, 'must begin with `/`, and must not contain `,`, `"` or a line break')

const engineAddress = z
  .string()
  .regex(/^(?:unix:\/\/\/[^,"\r\n]+|(?:tcp|https?):\/\/.+)$/, {
    error: 'must be `unix:///path/to/docker.sock` without `,`, `"` or line break in the path, or `tcp://host:port`',
    abort: true,
  })
  .refine((address) => addressProblem(address) === undefined, {
    error: ({ input }) => addressProblem(String(input)),
  })

/** Before the first slash is a registry, perhaps in upper case, if it is `localhost` or contains a dot or colon. */
const image = z
  .string()
  .regex(/^[\w][\w.:/@-]*$/, 'must be an image reference, such as `registry/agent:1.0`')
  .regex(
    /^(?:[^/]*[.:][^/]*\/|localhost\/)?[^A-Z:@]*(?:[:@][^/]*)?$/,
    'must not have upper case in the image name, such as `registry/agent:1.0`: engines refuse it',
  )

export const configSchema = z.strictObject({
  docker_host: engineAddress
    .optional()
    .describe(
      'Address of the engine, as in `DOCKER_HOST`: `unix:///path` or `tcp://host:port`. Without it, `/var/run/docker.sock`.',
    ),
  docker_tls_verify: z
    .union(
      [z.boolean(), z.stringbool({ truthy: ['1', 'true'], falsy: ['0', 'false', ''] })],
      'must be `true` or `false`',
    )
    .default(false)
    .describe('Uses TLS for a `tcp://` engine, with the certificates in `docker_cert_path`.'),
  docker_cert_path: path.optional().describe('Folder with `ca.pem`, `cert.pem` and `key.pem` for a `tcp://` engine.'),
  root_path: path
    .default('/')
    .describe(
      "Folder at which the host's /proc and /sys/fs/cgroup are mounted, such as /host in a container. Without them, the agent requests stats from the engine, which costs more.",
    ),
  container_labels: option
    .distinct(z.array(z.string().min(1)))
    .default(['com.docker.compose.*', 'org.opencontainers.image.*'])
    .describe('Container labels to report; `*` matches any text. All other labels stay on the host.'),
  exclude_containers: option
    .distinct(z.array(z.string().min(1)))
    .default([])
    .describe('Names of containers to leave out; `*` matches any text.'),
  crash_log_lines: z
    .int()
    .min(0)
    .max(1000)
    .default(200)
    .describe('Maximum number of log lines reported with a crash, up to 16 KiB; 0 for none.'),
  container_name: option
    .deploymentOnly(containerName)
    .default('incident-rca-agent')
    .describe("Name of the agent's container."),
  image: option.deploymentOnly(image).default('incident-rca/agent:latest').describe("The agent's image."),
  network: option
    .deploymentOnly(z.string().regex(/^[a-zA-Z0-9][\w.:-]*$/, 'must be the name of a network, such as `host`'))
    .optional()
    .describe("Network of the agent's container, such as `host`."),
  extra_hosts: option
    .deploymentOnly(option.distinct(z.array(z.string().regex(/^[^\s:=]+[:=].+$/, 'must be `name:address`'))))
    .default([])
    .describe("Additional host names for the agent's container, as `name:address`; `name:host-gateway` is the host."),
  https_proxy: option
    .deploymentOnly(z.url({ protocol: /^https?$/ }))
    .optional()
    .describe('Proxy between the agent and the platform.'),
  no_proxy: option
    .deploymentOnly(z.string().min(1))
    .optional()
    .describe('Hosts to reach without the proxy, separated by commas.'),
  ca_file: option
    .deploymentOnly(path)
    .optional()
    .describe("File on the Docker host with the certificate authority of the platform's TLS certificate, as PEM."),
})

/** Validated options of the Docker connector, with defaults. */
export type DockerConfig = z.output<typeof configSchema>

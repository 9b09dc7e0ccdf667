import { option } from '@rca/core/connector'
import { z } from 'zod'

/** A name that Kubernetes accepts for a namespace (RFC 1123 label). */
const label = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'must be lower-case letters, digits and `-`, at most 63')
  .max(63)

/** A name that Kubernetes accepts for most objects (RFC 1123 subdomain). */
const objectName = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/,
    'must be lower-case letters, digits, `-` and `.`, such as `agent-token`',
  )
  .max(253)

const text = z.string().min(1)
const httpUrl = z.url({ protocol: /^https?$/ })

export const DEFAULT_NAMESPACE = 'incident-rca'

/** The options of the Kubernetes connector, as an operator writes them. */
export const configSchema = z.strictObject({
  kubeconfig: text
    .optional()
    .describe('Kubeconfig file of an agent outside the cluster. Without it the agent’s service account is used.'),
  kubeconfig_context: text.optional().describe('Context of that kubeconfig. Without it the file’s current one.'),
  cluster_name: text
    .max(200)
    .optional()
    .describe('Display name of the cluster. Without it the context, or else a part of the cluster’s UID.'),
  namespaces: option.distinct(z.array(label)).default([]).describe('Watched namespaces. Empty for the whole cluster.'),
  watch_secret_names: z
    .boolean()
    .default(false)
    .describe(
      'Reports changes of Secrets, by name only. Kubernetes has no permission for names only: the agent may then read Secrets, but requests only their metadata.',
    ),
  object_labels: option
    .distinct(z.array(text))
    .default(['app', 'app.kubernetes.io/*', 'helm.sh/chart', 'k8s-app'])
    .describe('Labels of objects that are reported; `*` matches any text. Other labels stay in the cluster.'),
  crash_log_lines: z
    .int()
    .min(0)
    .max(1000)
    .default(200)
    .describe(
      'Maximum number of log lines of a crashed container that are kept as evidence, at most 16 KiB; 0 for none.',
    ),
  lease_name: objectName
    .optional()
    .describe(
      'Lease in the agent’s namespace with which several replicas elect the one that reports. Without it an agent always reports.',
    ),
  key_secret: objectName
    .meta({ writeOnly: false })
    .optional()
    .describe(
      'Secret in the agent’s namespace in which the agents keep their key. The chart creates it, and permits them to write it. Without it, each pod keeps a key of its own until it ends.',
    ),
  namespace: option
    .deploymentOnly(label)
    .default(DEFAULT_NAMESPACE)
    .describe('Namespace of the agent. It is created if it does not exist.'),
  release_name: option.deploymentOnly(label.max(53)).default('incident-rca').describe('Name of the Helm release.'),
  replicas: option
    .deploymentOnly(z.int().min(1).max(10))
    .default(1)
    .describe('Number of agents. One of them reports; another one takes over when it stops.'),
  chart_repository: option
    .deploymentOnly(httpUrl)
    .optional()
    .describe('Helm repository with the chart `agent`. Without it the platform’s own.'),
  chart_version: option
    .deploymentOnly(z.string().regex(/^\d+\.\d+\.\d+[\w.+-]*$/, 'must be a version of the chart, such as `1.2.3`'))
    .optional()
    .describe('Version of the chart. Without it the newest.'),
  image: option
    .deploymentOnly(
      z
        .string()
        .regex(
          /^\w[\w.-]*(?::\d+(?=\/))?(?:\/\w[\w.-]*)*(?::\w[\w.-]*)?(?:@\w+:[0-9a-f]{32,})?$/,
          'must be an image reference, such as `registry/agent:1.0` or `registry/agent@sha256:…`',
        ),
    )
    .optional()
    .describe("The agent's image. Without it the chart's."),
  image_pull_secrets: option
    .deploymentOnly(option.distinct(z.array(objectName)))
    .default([])
    .describe('Secrets in the namespace with which the image is pulled.'),
  existing_secret: option
    .deploymentOnly(objectName)
    .meta({ writeOnly: false })
    .optional()
    .describe('Secret in the namespace that holds the agent token. The command then does not contain the token.'),
  existing_secret_key: option
    .deploymentOnly(z.string().regex(/^[\w.-]+$/, 'must be letters, digits, `-`, `_` and `.`'))
    .meta({ writeOnly: false })
    .default('agent-token')
    .describe('Key of the token in that Secret.'),
  context: option
    .deploymentOnly(text)
    .optional()
    .describe('Context of the kubeconfig with which the command is run. Without it the current one.'),
  https_proxy: option
    .deploymentOnly(httpUrl)
    .optional()
    .describe('Proxy through which the agent reaches the platform.'),
  no_proxy: option
    .deploymentOnly(text)
    .optional()
    .describe(
      'Hosts that are reached without the proxy, separated by commas. The cluster’s API server is always one of them.',
    ),
  ca_config_map: option
    .deploymentOnly(objectName)
    .optional()
    .describe(
      "ConfigMap in the namespace with the certificate authority of the platform's TLS certificate, as PEM under the key `ca.crt`.",
    ),
})

/** The checked options of the Kubernetes connector, with defaults. */
export type KubernetesConfig = z.output<typeof configSchema>

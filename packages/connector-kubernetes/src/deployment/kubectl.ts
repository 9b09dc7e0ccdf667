import { type ShellCommand, sh } from '@rca/core/connector'
import type { KubernetesConfig } from '../config.ts'

/** `kubectl`, with the context that the operator chose. */
export function kubectl({ context }: Pick<KubernetesConfig, 'context'>): ShellCommand {
  return context === undefined ? sh`kubectl` : sh`kubectl --context ${context}`
}

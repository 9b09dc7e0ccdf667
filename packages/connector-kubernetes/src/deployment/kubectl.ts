import type { KubernetesConfig } from '../config.ts'

/** `kubectl` with the operator's context. */
export function kubectl({ context }: Pick<KubernetesConfig, 'context'>): string[] {
  return ['kubectl', ...(context === undefined ? [] : ['--context', context])]
}

import type { KubernetesConfig } from '../config.ts'

/** `kubectl`, with the context that the operator chose. */
export function kubectl({ context }: Pick<KubernetesConfig, 'context'>): string[] {
  return ['kubectl', ...(context === undefined ? [] : ['--context', context])]
}

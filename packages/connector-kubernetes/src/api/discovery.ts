import { z } from 'zod'
import { KubernetesError } from './errors.ts'
import type { ApiResource, Discovery, DiscoveryFailure, GroupVersion } from './kubernetes-api.ts'

const resourceListSchema = z.object({
  resources: z.array(
    z.object({
      name: z.string(),
      kind: z.string(),
      namespaced: z.boolean(),
      verbs: z.array(z.string()).catch([]),
    }),
  ),
})

/** @param ask reads what a group version has; `undefined` where the server lacks it */
export async function discover(
  wanted: readonly GroupVersion[],
  ask: (wanted: GroupVersion) => Promise<unknown>,
): Promise<Discovery> {
  const resources: ApiResource[] = []
  const failures: DiscoveryFailure[] = []
  await Promise.all(
    wanted.map(async (groupVersion) => {
      try {
        const answer = await ask(groupVersion)
        if (answer !== undefined) resources.push(...toResources(groupVersion, answer))
      } catch (error) {
        // What an extension's server does not tell costs nobody the rest: it answers 503 while it is down.
        if (!isOfThisGroup(error)) throw error
        failures.push({ ...groupVersion, error })
      }
    }),
  )
  return { resources, failures }
}

/** Subresources, such as `pods/log`, are named in the same list. */
function toResources({ group, version }: GroupVersion, answer: unknown): ApiResource[] {
  return resourceListSchema.parse(answer).resources.map(({ name, kind, namespaced, verbs }) => ({
    group,
    version,
    resource: name,
    kind,
    isNamespaced: namespaced,
    verbs,
  }))
}

/** Whether the server is well, and only this group is not: without an answer or a valid token there is nothing to be told of any. */
function isOfThisGroup(error: unknown): error is Error {
  if (error instanceof z.ZodError) return true
  return error instanceof KubernetesError && error.status !== undefined && error.status !== 401
}

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

/** @param read returns the resource list of a group version, `undefined` if the server lacks it */
export async function discover(
  wanted: readonly GroupVersion[],
  read: (groupVersion: GroupVersion) => Promise<unknown>,
): Promise<Discovery> {
  const resources: ApiResource[] = []
  const failures: DiscoveryFailure[] = []
  await Promise.all(
    wanted.map(async (groupVersion) => {
      try {
        const answer = await read(groupVersion)
        if (answer !== undefined) resources.push(...toResources(groupVersion, answer))
      } catch (error) {
        // An extension that is down answers 503. It must not hide the other groups.
        if (!isGroupFailure(error)) throw error
        failures.push({ ...groupVersion, error })
      }
    }),
  )
  return { resources, failures }
}

/** The list has subresources too, such as `pods/log`. */
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

/** Returns whether only this group fails: without an answer or a valid token, every group does. */
function isGroupFailure(error: unknown): error is Error {
  if (error instanceof z.ZodError) return true
  return error instanceof KubernetesError && error.status !== undefined && error.status !== 401
}

import { z } from 'zod'
import { KubernetesError } from './errors.ts'
import type { ApiResource, Discovery, GroupVersion } from './kubernetes-api.ts'

const resourceListSchema = z.object({
  resources: z.array(
    z
      .object({ name: z.string(), kind: z.string(), namespaced: z.boolean(), verbs: z.array(z.string()).catch([]) })
      .transform(({ name, kind, namespaced, verbs }) => ({ resource: name, kind, isNamespaced: namespaced, verbs })),
  ),
})

/** @param read returns the resource list of a group version, `undefined` if the server lacks it */
export async function discover(
  wanted: readonly GroupVersion[],
  read: (groupVersion: GroupVersion) => Promise<unknown>,
): Promise<Discovery> {
  const resources: ApiResource[] = []
  const failures: Discovery['failures'][number][] = []
  await Promise.all(
    wanted.map(async (groupVersion) => {
      try {
        const answer = await read(groupVersion)
        if (answer === undefined) return
        // Subresources, such as `pods/log`, are in the list too.
        for (const resource of resourceListSchema.parse(answer).resources)
          resources.push({ ...groupVersion, ...resource })
      } catch (error) {
        // An extension that is down answers 503. It must not hide the other groups.
        if (!isGroupFailure(error)) throw error
        failures.push({ ...groupVersion, error })
      }
    }),
  )
  return { resources, failures }
}

/** Returns whether only this group fails: without an answer or a valid token, every group does. */
function isGroupFailure(error: unknown): error is Error {
  if (error instanceof z.ZodError) return true
  return error instanceof KubernetesError && error.status !== undefined && error.status !== 401
}

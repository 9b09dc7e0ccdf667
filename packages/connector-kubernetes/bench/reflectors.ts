/** Reflectors over all kinds, and nothing else. `reflectors.ts KUBECONFIG` */
import { setTimeout as sleep } from 'node:timers/promises'
import { createReflector } from '../src/api/reflector.ts'
import { findKinds, wantedGroupVersions } from '../src/api/resources.ts'
import { openKubernetes } from '../src/client.ts'
import { metadataOf } from '../src/resources/metadata.ts'
import { projectPod } from '../src/resources/pod.ts'
import { measured } from './measured.ts'

await measured(async () => {
  const kubeconfig = process.argv[2]
  const api = await openKubernetes({ kubeconfig: kubeconfig === '' ? undefined : kubeconfig })
  const { signal } = new AbortController()
  const { found } = findKinds(await api.discover(wantedGroupVersions(), signal))
  let updates = 0
  const reflectors = Object.entries(found)
    .filter(([name]) => !['secrets', 'leases', 'podMetrics', 'nodeMetrics'].includes(name))
    .map(([name, resource]) =>
      createReflector({
        api,
        resource,
        project: name === 'pods' ? projectPod : metadataOf,
        onChange: () => {
          updates += 1
        },
        now: () => new Date(),
        sleep: (milliseconds, stopping) => sleep(milliseconds, undefined, { signal: stopping }).catch(() => undefined),
      }),
    )
  for (const reflector of reflectors) {
    void reflector.run(signal)
    await reflector.synced
  }
  return () => ({ updates, objects: reflectors.reduce((sum, { objects }) => sum + objects.size, 0) })
})

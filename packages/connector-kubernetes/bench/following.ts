/**
 * Runs the cluster cache of the agent, without collection and delivery. `following.ts [KUBECONFIG]`; without it as in
 * a pod.
 */
import { parseConfig, silentLogger } from '@rca/core'
import { kubernetes } from '../src/index.ts'
import { measured } from './measured.ts'

await measured(async () => {
  const kubeconfig = process.argv[2]
  const { config } = parseConfig(kubernetes, kubeconfig === undefined ? {} : { kubeconfig })
  const { signal } = new AbortController()
  const { cluster } = await kubernetes.connect({ config, signal, log: silentLogger, keyedHash: (text) => text })
  let changes = 0
  await cluster.listed(signal)
  cluster.subscribe(() => {
    changes += 1
  })
  return () => ({ pods: cluster.objects('pods').size, changes })
})

/** The peer: an informer of the client library for all pods, as its documentation shows it. `informer.ts KUBECONFIG` */
import { CoreV1Api, KubeConfig, makeInformer } from '@kubernetes/client-node'
import { measured } from './measured.ts'

await measured(async () => {
  const config = new KubeConfig()
  config.loadFromFile(process.argv[2] ?? '')
  const core = config.makeApiClient(CoreV1Api)
  const informer = makeInformer(config, '/api/v1/pods', () => core.listPodForAllNamespaces())
  let updates = 0
  informer.on('update', () => {
    updates += 1
  })
  informer.on('error', () => setTimeout(() => informer.start(), 1_000))
  await informer.start()
  return () => ({ objects: informer.list().length, updates })
})

import { findEngine, releaseEngine } from './docker/shared-engine.ts'
import { buildBinaries, findBinaries, type Level } from './kubernetes/binaries.ts'
import { findCluster, releaseCluster } from './kubernetes/shared-cluster.ts'

const USAGE = `npm run rig -- PART up|down

Parts:
  docker       an engine with the image \`busybox:local\`: the one that answers, or a private one
  apiserver    a Kubernetes API server on which no pod runs: that of KUBECONFIG, or a private one
  kubernetes   a whole Kubernetes of one node: that of KUBECONFIG, or a private one
               \`kubernetes build\` builds the programs of both, once per machine: 6 minutes, root and Debian only

\`up\` prints the lines to evaluate: eval "$(npm run -s rig -- docker up)"
They set DOCKER_HOST, KUBECONFIG, and RCA_RIG_HOST, this machine's address for the pods of a private Kubernetes`

const engine = {
  up: async () => {
    const { dockerHost, missing } = await findEngine()
    if (missing === undefined) console.log(`export DOCKER_HOST=${dockerHost}`)
    else fail(`There is no Docker Engine: ${missing}.`)
  },
  down: async () => {
    const result = await releaseEngine()
    console.error(result === 'stopped' ? 'The private engine is stopped.' : 'No engine was started here.')
  },
}

const actions: Readonly<Record<string, () => Promise<void>>> = {
  'docker up': engine.up,
  'docker down': engine.down,
  'apiserver up': () => upCluster('api-server'),
  'apiserver down': () => downCluster('api-server'),
  'kubernetes up': () => upCluster('node'),
  'kubernetes down': () => downCluster('node'),
  'kubernetes build': build,
}

async function upCluster(level: Level): Promise<void> {
  const { kubeconfig, missing, dockerHost, hostAddress } = await findCluster(level)
  if (missing !== undefined) return fail(`There is no Kubernetes: ${missing}.`)
  console.log(`export KUBECONFIG=${kubeconfig}`)
  // Its pods run the images of this engine: none can be pulled.
  if (dockerHost !== undefined) console.log(`export DOCKER_HOST=${dockerHost}`)
  // At this address its pods reach this machine.
  if (hostAddress !== undefined) console.log(`export RCA_RIG_HOST=${hostAddress}`)
}

async function downCluster(level: Level): Promise<void> {
  const result = await releaseCluster(level)
  console.error(result === 'stopped' ? 'The private Kubernetes is stopped.' : 'No Kubernetes was started here.')
}

async function build(): Promise<void> {
  if (findBinaries('node') === undefined)
    console.error('Building Kubernetes. This takes some minutes, once per machine.')
  console.error(`The Kubernetes programs are in ${await buildBinaries()}.`)
}

function fail(text: string): void {
  console.error(text)
  process.exitCode = 1
}

const action = actions[process.argv.slice(2).join(' ')]
if (action === undefined) {
  console.error(USAGE)
  process.exitCode = 2
} else {
  await action()
}

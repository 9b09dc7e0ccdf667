import { findEngine, releaseEngine } from './docker/shared-engine.ts'
import { buildBinaries, findBinaries, type Level } from './kubernetes/binaries.ts'
import { findCluster, releaseCluster } from './kubernetes/shared-cluster.ts'
import { machineCommand } from './machine/machine-commands.ts'

const USAGE = `npm run rig -- PART up|down

Parts:
  docker       a Docker Engine with the image \`busybox:local\`: the one that answers, or a private one
  apiserver    a Kubernetes API server without pods: that of KUBECONFIG, or a private one
  kubernetes   a Kubernetes cluster of one node: that of KUBECONFIG, or a private one
               \`kubernetes build\` builds the programs of both, once per machine: 6 minutes, root and Debian only
  machine      a machine with an init system, users, network and disk of its own, on the kernel of this one
               \`machine build\` builds the usual systems, once per machine: 2 minutes, root and Debian only
               \`machine up NAME [--suite bookworm|trixie|musl] [--init systemd|openrc|none] [PACKAGE…]\`
               \`machine run NAME [COMMAND…]\`, \`machine reboot|kill|down NAME\`; \`kill\` cuts the power

\`up\` prints lines to evaluate: eval "$(npm run -s rig -- docker up)"
They set DOCKER_HOST, KUBECONFIG, RCA_RIG_MACHINE, the address of a machine, and RCA_RIG_HOST, the address of this
machine for pods of a private cluster or for a machine.`

const engine = {
  up: async () => {
    const { dockerHost, missing } = await findEngine()
    if (missing === undefined) console.log(`export DOCKER_HOST=${dockerHost}`)
    else fail(`No Docker Engine: ${missing}.`)
  },
  down: async () => {
    const result = await releaseEngine()
    console.error(result === 'stopped' ? 'Stopped the private engine.' : 'No private engine is running.')
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
  if (missing !== undefined) return fail(`No Kubernetes: ${missing}.`)
  console.log(`export KUBECONFIG=${kubeconfig}`)
  // Pods run the images of this engine, since none can be pulled.
  if (dockerHost !== undefined) console.log(`export DOCKER_HOST=${dockerHost}`)
  if (hostAddress !== undefined) console.log(`export RCA_RIG_HOST=${hostAddress}`)
}

async function downCluster(level: Level): Promise<void> {
  const result = await releaseCluster(level)
  console.error(result === 'stopped' ? 'Stopped the private Kubernetes.' : 'No private Kubernetes is running.')
}

async function build(): Promise<void> {
  if (findBinaries('node') === undefined) console.error('Building Kubernetes: some minutes, once per machine.')
  console.error(`The Kubernetes programs are in ${await buildBinaries()}.`)
}

function fail(text: string): void {
  console.error(text)
  process.exitCode = 1
}

const words = process.argv.slice(2)
const action = actions[words.join(' ')]
if (action !== undefined) await action()
else if (words[0] === 'machine') await runMachineCommand(words.slice(1))
else failWithUsage()

async function runMachineCommand(words: string[]): Promise<void> {
  try {
    const code = await machineCommand(words)
    if (code === 'unknown') failWithUsage()
    else process.exitCode = code
  } catch (error) {
    fail((error as Error).message)
  }
}

function failWithUsage(): void {
  console.error(USAGE)
  process.exitCode = 2
}

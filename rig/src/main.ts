import { parseArgs } from 'node:util'
import { buildNewerEngines, type EngineRelease } from './docker/engine-release.ts'
import { findEngine, releaseEngine } from './docker/shared-engine.ts'
import { buildBinaries, findBinaries, type Level } from './kubernetes/binaries.ts'
import { findCluster, releaseCluster } from './kubernetes/shared-cluster.ts'
import { type MachineKind, machineCommand, machines } from './machine/machine-commands.ts'
import { virtualMachines } from './vm/vm-commands.ts'

const USAGE = `npm run rig -- PART up|down

Parts:
  docker       a Docker Engine with busybox as an image: the one that answers, or a private one
               \`docker up|down --version 26\`: Docker 26.1 of Debian 13 on the kernel of this machine
  podman       Podman 5.4 of Debian 13 on the kernel of this machine, with the same image
               \`podman build\` and \`docker build\` build both, once per machine: 3 minutes, root and Debian only
  apiserver    a Kubernetes API server without pods: that of KUBECONFIG, or a private one
  kubernetes   a Kubernetes cluster of one node: that of KUBECONFIG, or a private one
               \`kubernetes build\` builds the programs of both, once per machine: 6 minutes, root and Debian only
  machine      a machine with an init system, users, network and disk of its own, on the kernel of this one
               \`machine build\` builds the usual systems, once per machine: 2 minutes, root and Debian only
               \`machine up NAME [--suite bookworm|trixie|musl] [--init systemd|openrc|none] [PACKAGE…]\`
               \`--share DIRECTORY\`: the machine sees this directory; its changes there are its own
               \`machine run NAME [COMMAND…]\`, \`machine reboot|kill|down NAME\`; \`kill\` cuts the power
  vm           a virtual machine: a Debian 13 with a kernel of its own, control groups of version 2, systemd, Docker
               and Podman, at a quarter of the speed. It has the actions of a machine, and of its options \`--share\`

\`up\` prints lines to evaluate: eval "$(npm run -s rig -- docker up)"
They set DOCKER_HOST, KUBECONFIG, RCA_RIG_MACHINE, the address of a machine, and RCA_RIG_HOST, the address of this
machine for pods of a private cluster or for a machine.`

const MACHINES: Readonly<Record<string, MachineKind>> = { machine: machines, vm: virtualMachines }

const VERSIONS: Readonly<Record<string, EngineRelease>> = { 'docker 26': 'docker-26', 'podman 5': 'podman-5' }

const actions: Readonly<Record<string, () => Promise<void>>> = {
  'apiserver up': () => upCluster('api-server'),
  'apiserver down': () => downCluster('api-server'),
  'kubernetes up': () => upCluster('node'),
  'kubernetes down': () => downCluster('node'),
  'kubernetes build': build,
}

/** Runs `docker …` or `podman …`. Returns false for an unknown action. */
async function engineCommand(part: string, words: string[]): Promise<boolean> {
  const { values, positionals } = parseArgs({
    args: words,
    options: { version: { type: 'string' } },
    allowPositionals: true,
  })
  const release = releaseOf(part, values.version)
  switch (positionals.join(' ')) {
    case 'build':
      console.error(`Docker 26 and Podman 5 are in ${await buildNewerEngines()}.`)
      return true
    case 'up':
      await upEngine(release)
      return true
    case 'down':
      await downEngine(release)
      return true
    default:
      return false
  }
}

/** Returns the release of a version. Docker without a version: that of `RCA_RIG_ENGINE`. */
function releaseOf(part: string, version: string | undefined): EngineRelease | undefined {
  if (version === undefined) return part === 'podman' ? 'podman-5' : undefined
  const release = VERSIONS[`${part} ${version}`]
  if (release === undefined)
    throw new Error(
      `\`--version\` must be one of \`${Object.keys(VERSIONS).join('`, `')}\`, got \`${part} ${version}\`.`,
    )
  return release
}

async function upEngine(release: EngineRelease | undefined): Promise<void> {
  if (release !== undefined) await buildNewerEngines()
  const { dockerHost, missing } = await findEngine(undefined, release)
  if (missing === undefined) console.log(`export DOCKER_HOST=${dockerHost}`)
  else fail(`No Docker Engine: ${missing}.`)
}

async function downEngine(release: EngineRelease | undefined): Promise<void> {
  const result = await releaseEngine(undefined, release)
  console.error(result === 'stopped' ? 'Stopped the private engine.' : 'No private engine is running.')
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

function failWithUsage(): void {
  console.error(USAGE)
  process.exitCode = 2
}

/** Runs a command with options. Prints its error without a stack. */
async function runCommand(command: () => Promise<number | boolean | 'unknown'>): Promise<void> {
  try {
    const result = await command()
    if (result === 'unknown' || result === false) failWithUsage()
    else if (typeof result === 'number') process.exitCode = result
  } catch (error) {
    fail((error as Error).message)
  }
}

const [part = '', ...words] = process.argv.slice(2)
const action = actions[[part, ...words].join(' ')]
const kind = MACHINES[part]
if (action !== undefined) await action()
else if (kind !== undefined) await runCommand(() => machineCommand(kind, words))
else if (part === 'docker' || part === 'podman') await runCommand(() => engineCommand(part, words))
else failWithUsage()

import { command, type Deployment, type DeploymentTarget } from '@rca/core/connector'
import type { DockerConfig } from '../config.ts'
import { agentContainer } from './agent-container.ts'
import { composeCommand } from './compose.ts'
import { runCommand } from './docker-run.ts'

/**
 * Deploys the agent as a container of the engine that it watches, with `docker run` or, as the alternative `compose`,
 * with `docker compose`. Both honour the `DOCKER_HOST` of the shell in which they are pasted.
 */
export function deploy(target: DeploymentTarget<DockerConfig>): Deployment {
  const container = agentContainer(target)
  const { name, stateVolume, image, network } = container
  const shared = {
    uninstall: command('docker', 'rm', '--force', name).and(command('docker', 'volume', 'rm', stateVolume)),
    verify: command('docker', 'ps', '--all', '--filter', `name=^/${name}$`).and(
      command('docker', 'logs', '--tail', 20, name),
    ),
    notes: [
      ...(isLoopback(target.platformUrl) && network !== 'host' ? [loopbackNote(target.platformUrl)] : []),
      'The agent only reads. However, access to an engine’s socket is root access to its host, even if the socket is mounted read-only: let only people whom you trust with root access change the agent’s image.',
      `Uninstalling keeps the image \`${image}\`. To replace an agent, uninstall it first.`,
    ],
  }
  const engineRuns = 'Docker Engine 20.10 or newer is installed and running, and you may use it (`docker ps` answers)'
  const composeRuns = 'Docker Compose is installed (`docker compose version` answers)'
  const hasImage = `the engine has the image \`${image}\` or can pull it`
  return {
    ...shared,
    prerequisites: [engineRuns, hasImage],
    command: runCommand(container),
    alternatives: {
      compose: {
        ...shared,
        prerequisites: [engineRuns, composeRuns, hasImage],
        command: composeCommand(container),
      },
    },
  }
}

function loopbackNote(platformUrl: string): string {
  return `Inside the container, \`${platformUrl}\` is the container itself and not the platform: set \`network\` to \`host\`, or use an address at which other machines reach the platform.`
}

/** Returns true for an address of the machine, or container, that uses it. */
function isLoopback(platformUrl: string): boolean {
  const { hostname } = new URL(platformUrl)
  return /^(?:127(?:\.\d+){3}|(?:.+\.)?localhost|\[::1\])$/.test(hostname)
}

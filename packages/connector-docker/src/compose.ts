import { type EntityReference, entity, type Signals } from '@rca/core/connector'
import type { ContainerDetails } from './engine/engine-api.ts'

export const composeSignals = {
  composeService: entity({
    type: 'docker.compose.service',
    description: 'A service of a Compose project.',
    attributes: {
      'docker.compose.project': 'Name of the Compose project.',
      'docker.compose.service': 'Name of the Compose service.',
    },
    relations: { part_of: 'The Compose project.' },
  }),
  composeProject: entity({
    type: 'docker.compose.project',
    description: 'A Compose project.',
    attributes: { 'docker.compose.project': 'Name of the Compose project.' },
    relations: { runs_on: 'The engine.' },
  }),
}

export interface ComposeService {
  readonly project: string
  readonly service: string
  /** Index of the container among the replicas of the service. */
  readonly number: string
}

/** Reads the labels that Compose sets (docs.docker.com/compose). Returns `undefined` for containers without them. */
export function composeServiceOf(labels: Readonly<Record<string, string>>): ComposeService | undefined {
  const project = labels['com.docker.compose.project']
  const service = labels['com.docker.compose.service']
  if (!project || !service) return undefined
  return { project, service, number: labels['com.docker.compose.container-number'] ?? '1' }
}

/** Builds the entity id of a service, or of its project without `service`. Names are unique within one engine only. */
export function composeId(engine: EntityReference, { project, service }: Partial<ComposeService>): string {
  return [engine.id, project, service].filter((part) => part !== undefined).join('/')
}

export function composeEntities(all: readonly ContainerDetails[], engine: EntityReference): Signals {
  const services = new Map(
    all.flatMap(({ labels }) => {
      const compose = composeServiceOf(labels)
      return compose === undefined ? [] : [[composeId(engine, compose), compose] as const]
    }),
  )
  const projects = new Set([...services.values()].map(({ project }) => project))
  return {
    entities: [
      ...[...services].map(([id, { project, service }]) =>
        composeSignals.composeService.entity({
          id,
          name: service,
          attributes: { 'docker.compose.project': project, 'docker.compose.service': service },
          relations: [
            { type: 'part_of', target: composeSignals.composeProject.reference(composeId(engine, { project })) },
          ],
        }),
      ),
      ...[...projects].map((project) =>
        composeSignals.composeProject.entity({
          id: composeId(engine, { project }),
          name: project,
          attributes: { 'docker.compose.project': project },
          relations: [{ type: 'runs_on', target: engine }],
        }),
      ),
    ],
  }
}

import { eventSchema, LIMITS, SEVERITIES } from '@rca/core/protocol'
import { z } from 'zod'
import type { App, Context } from '../http/context.ts'
import { named, problems } from '../http/openapi-schemas.ts'
import { invalid } from '../http/problem-error.ts'
import type { ReadSession } from '../store/read-session.ts'
import type { StoredEvent } from '../store/records.ts'
import type { RelatedEntities, RelatedFilter } from '../store/store.ts'
import { agentFilter, agentId, entityFilter, instantParameter, toInstant } from './fields.ts'
import { MAY_END_EARLY, nextCursor, pageQuery, toCursor, toPageRequest } from './pagination.ts'

const storedEvent = named(
  'Event',
  eventSchema.extend({
    environment: z.string(),
    agent_id: z.string(),
    agent_type: z.string(),
    steps: z.int().positive().optional().describe('With `fold=true`: number of its steps. `step_of` lists them.'),
  }),
)

/** Maximum number of entities whose events one request reads. */
const MAX_RELATED = 5000

const MAX_LABELS = 16

const isTrue = z.enum(['true', 'false']).default('false')

const eventsQuery = z.strictObject({
  ...agentFilter,
  agent_id: agentId.optional(),
  from: instantParameter.optional().describe('ISO 8601, inclusive.'),
  to: instantParameter.optional().describe('ISO 8601, exclusive.'),
  severity: z.enum(SEVERITIES).optional().describe('Minimum severity.'),
  name: z.string().max(LIMITS.name).optional().describe('Such as `container.crashed`.'),
  changes: isTrue.describe(
    'Only changes: events with attributes `change.*`, or with a name that ends in a word such as `.changed`, `.created`, `.deleted` or `.scaled`.',
  ),
  ...entityFilter,
  related: isTrue.describe(
    'Also events of what the entity consists of, what that uses and runs on, and what uses it. Needs `entity_type` and `entity_id`, or `label`; `agent_id` selects one of several clusters in which the entity has this id.',
  ),
  label: z
    .union([z.string(), z.array(z.string())])
    .transform((given) => [given].flat())
    .pipe(
      z
        .array(
          z
            .string()
            .max(LIMITS.name + LIMITS.attribute)
            .regex(/^[^=]+=/, 'Write `name=value`, such as `app=orders`'),
        )
        .max(MAX_LABELS),
    )
    .optional()
    .describe(
      `\`name=value\`, such as \`app=orders\`: only events of entities with this label, and of what belongs to them. May be repeated, up to ${MAX_LABELS} times; all must match. Agents report the labels that their options select.`,
    ),
  fold: isTrue.describe(
    'Leaves out the steps of changes: of a recreated container, the stop and removal of the previous one and the start of the new one; of a workload, the completed rollout. The change has their number in `steps`. Only events of severity `info` are steps.',
  ),
  step_of: z
    .string()
    .min(1)
    .max(256)
    .optional()
    .describe('Id of a change: only its steps, whenever they arrived. Not with `fold=true`.'),
  namespace: z.string().min(1).max(LIMITS.name).optional().describe('Kubernetes namespace, such as `shop`.'),
  text: z
    .string()
    .min(1)
    .max(LIMITS.name)
    .optional()
    .describe(
      'Text in the name, body or attributes of the event, such as a line of a log. Letters A to Z match in any case.',
    ),
  ...pageQuery(),
})

/** Lists events. Most incidents start with a change, which is an event. */
export function addEventRoute(app: App, { store }: Context): void {
  const schema = {
    operationId: 'listEvents',
    summary: 'List events',
    description: [
      `Newest first. ${MAY_END_EARLY}`,
      '`related=true` follows the relations of the entities. For a Deployment, it adds its ReplicaSets, pods and containers, the ConfigMaps, Secrets and claims that they use, their nodes, hosts and namespace, and the autoscalers and Services that point to them. Example: `/api/v1/events?entity_type=k8s.deployment&entity_id=shop/orders&related=true&from=2026-11-22T11:55:00Z` answers “What happened to the Deployment orders?”.',
      '`fold=true` shows a change with its steps as one event. A step has the attribute `step.change_id`, or its id is in the attribute `change.steps` of the change.',
    ].join('\n\n'),
    tags: ['reading'],
    querystring: eventsQuery,
    success: 'Events, newest first.',
    response: {
      200: z.object({
        events: z.array(storedEvent),
        related_entities: z
          .object({
            count: z.int().describe('Number of entities whose events were read.'),
            complete: z
              .boolean()
              .describe(
                `False if there are more than ${MAX_RELATED}: the most distant are left out. Also false if very many entities refer to one of them: not all of these were examined.`,
              ),
          })
          .optional()
          .describe('With `related` or `label`.'),
        next_cursor: nextCursor,
      }),
      ...problems(422),
    },
  }
  app.get(
    '/api/v1/events',
    { config: { access: ['read'], environment: 'query', reads: true }, schema },
    async (request) => {
      const { query } = request
      const page = toPageRequest(query, ['number', 'number'])
      if (query.fold === 'true' && query.step_of !== undefined)
        throw invalid([{ pointer: '#/query/step_of', detail: 'Leave out `fold=true`, which leaves out the steps.' }])
      const related = await findRelated(store, query, request.reading)
      const filter = {
        ...query,
        // With entities, these parameters have selected the agents that describe the entity.
        ...(related === undefined ? {} : { agent_id: undefined, agent_type: undefined }),
        changes: query.changes === 'true',
        fold: query.fold === 'true',
        entities: related?.entities,
      }
      const { items, next } = await store.signals.events(filter, page, request.reading)
      return {
        events: items.map(toEvent),
        ...(related === undefined
          ? {}
          : { related_entities: { count: related.entities.length, complete: related.complete } }),
        next_cursor: toCursor(next),
      }
    },
  )
}

/** Finds the entities of `related` and `label`. Returns `undefined` without both. @throws {ProblemError} 422 */
async function findRelated(
  { signals }: Context['store'],
  query: z.output<typeof eventsQuery>,
  session: ReadSession,
): Promise<RelatedEntities | undefined> {
  const { environment, agent_type, agent_id, entity_type: type, entity_id: id, from: since, label, related } = query
  if (related === 'false' && label === undefined) return undefined
  if (related === 'true' && label === undefined && (type === undefined || id === undefined))
    throw invalid([
      { pointer: '#/query/related', detail: 'Needs the entity: give `entity_type` and `entity_id`, or `label`.' },
    ])
  if (label !== undefined && (type === undefined) !== (id === undefined))
    throw invalid([
      { pointer: '#/query/label', detail: 'With `label`, give both `entity_type` and `entity_id`, or none.' },
    ])
  const filter: RelatedFilter = {
    environment,
    agent_type,
    agent_id,
    since,
    entity: type === undefined || id === undefined ? undefined : { type, id },
    labels: (label ?? []).map(splitLabel),
    reach: related === 'true' ? 'all' : 'owned',
  }
  return signals.related(filter, MAX_RELATED, session)
}

function splitLabel(text: string): [name: string, value: string] {
  const end = text.indexOf('=')
  return [text.slice(0, end), text.slice(end + 1)]
}

function toEvent(event: StoredEvent): z.output<typeof storedEvent> {
  const { environment, agent_id, agent_type, event_id: id, name, severity, body } = event
  return {
    environment,
    agent_id,
    agent_type,
    ...(id === null ? {} : { id }),
    name,
    at: toInstant(event.at),
    severity,
    entity: { type: event.entity_type, id: event.entity_id },
    body,
    ...(event.steps ? { steps: event.steps } : {}),
    attributes: event.attributes as z.output<typeof storedEvent>['attributes'],
  }
}

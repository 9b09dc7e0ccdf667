import { type RawBuilder, sql } from 'kysely'

/**
 * Matches events that are steps of a stored change of the same agent, and have the severity `info`: no failure is left
 * out.
 */
export function isStep(): RawBuilder<boolean> {
  return sql<boolean>`(events.severity = 0 and exists (select 1 from change_steps as step
    cross join events as change on change.agent_key = step.agent_key and change.event_id = step.change_id
    where step.agent_key = events.agent_key and step.step_id = events.event_id))`
}

/** Matches the steps of a change, by the id of its event. */
export function isStepOf(change: string): RawBuilder<boolean> {
  // By agent, since the indexes of ids begin with it.
  return sql<boolean>`(events.severity = 0 and events.key in (select step_event.key
    from agents cross join events as change on change.agent_key = agents.key and change.event_id = ${change}
    cross join ${stepsOf(sql`change`)}))`
}

/** Selects the number of steps of each of `events`. */
export function countSteps(): RawBuilder<number> {
  return sql<number>`(select count(*) from ${stepsOf(sql`events`)} where step_event.severity = 0)`
}

/** Selects the stored steps of a change as `step_event`. */
function stepsOf(change: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`change_steps as step
    join events as step_event on step.agent_key = ${change}.agent_key and step.change_id = ${change}.event_id
      and step_event.agent_key = step.agent_key and step_event.event_id = step.step_id`
}

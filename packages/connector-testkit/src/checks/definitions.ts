import type { ValidatedSignals } from '@rca/core/testing'
import type { CheckDescription } from '../check.ts'
import type { Rehearsal } from '../rehearsal.ts'
import { type Round, signalsOf } from '../session.ts'
import type { CheckDefinition, Findings, Subject } from '../subject.ts'

/** Finds what is wrong in what a connector did in one scenario. */
export type RehearsalFinder = (rehearsal: Rehearsal, subject: Subject) => readonly string[]

/** Defines a check of what the connector did while nothing failed. */
export function rehearsed(description: CheckDescription, find: RehearsalFinder): CheckDefinition {
  return { ...description, find: (subject) => inRehearsals(subject, find) }
}

/** Returns the findings in every scenario. */
export async function inRehearsals(subject: Subject, find: RehearsalFinder): Promise<Findings> {
  const all = await subject.rehearsals()
  if (all.length === 0) return { skipped: 'it needs a scenario' }
  return all.flatMap((rehearsal) => find(rehearsal, subject).map((finding) => `${rehearsal.name}: ${finding}`))
}

/** Returns everything that was reported, by collector and watcher, in order. */
export function reportedBy(rehearsal: Rehearsal): { readonly source: string; readonly signals: ValidatedSignals }[] {
  return rehearsal.connections.flatMap(({ rounds, watchers }) => [
    ...rounds.flatMap((round) => [...round].map(([source, { signals }]) => ({ source, signals }))),
    ...[...watchers].map(([source, { signals }]) => ({ source, signals })),
  ])
}

/** Returns the rounds of all connections, each as one set of signals. */
export function roundsOf({ connections }: Rehearsal): ValidatedSignals[] {
  return connections.flatMap(({ rounds }) => rounds.map(signalsOf))
}

/** Returns the collectors that failed in each round, with the reason. */
export function failuresOf(rounds: readonly Round[]): { readonly collector: string; readonly error: string }[] {
  return rounds.flatMap((round) =>
    [...round].flatMap(([collector, { error }]) => (error === undefined ? [] : [{ collector, error }])),
  )
}

/** Returns each text once. */
export function distinct(texts: readonly string[]): string[] {
  return [...new Set(texts)]
}

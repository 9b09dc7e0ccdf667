import type { Relation } from '@rca/core'
import type { ServerClient } from './server-client.ts'

/** Says that something is a part of the machine. */
export function partOfHost({ machine }: ServerClient): Relation {
  return { type: 'part_of', target: machine.entity }
}

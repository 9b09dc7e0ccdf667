import type { Report } from '@rca/core/protocol'
import { type NewestReport, placeReport } from './report-order.ts'

/** What is known of a time for which one instance of an agent led. */
export interface Lead {
  /** Of its newest report, or before it of the one that was newest then. */
  readonly revision: number
  readonly sequence: number
  /** Once another lead has followed: no report of this one gets a higher revision. */
  readonly ceiling: number | undefined
}

/** The newest report, and the lead that it was made in: empty where there is no election. */
export interface NewestLed extends NewestReport {
  readonly lead: string
}

/** Room between two leads for reports of the first that arrive after the second has begun. */
export const ROOM = 10_000

/** Where a report stands, and what is known of its lead from then on. */
export interface LedPlace {
  readonly revision: number
  readonly newest: NewestLed
  /** The lead that reports now is another one. */
  readonly takesOver: boolean
  readonly lead: Lead | undefined
}

type Placed = Pick<Report, 'sequence' | 'report_id' | 'lead_id'>

/**
 * Where a report stands among those of all instances of its agent. Each instance counts its reports for itself, so that numbers of
 * two cannot be compared: what was made in an earlier lead is late, whatever its number. A lead follows those before it once its
 * instance says in a heartbeat that it leads. One that was never heard of follows the one that was heard of last if its UUIDv7 is the
 * later one: where no heartbeat has arrived, clocks are all there is.
 *
 * @param known what is known of the report's lead.
 * @param leading the lead that no other has followed, with or without a report of its own; empty where there is none.
 */
export function placeLed(newest: NewestLed, known: Lead | undefined, report: Placed, leading: string): LedPlace {
  const id = report.lead_id?.toLowerCase() ?? ''
  if (id === '' || id === newest.lead) {
    const place = placeReport(newest, report)
    const { revision, sequence } = place.newest
    return {
      revision: place.revision,
      newest: place.newest === newest ? newest : { ...place.newest, lead: id },
      takesOver: false,
      lead: id === '' ? undefined : { revision, sequence, ceiling: known?.ceiling },
    }
  }
  if (known === undefined ? id < leading : known.ceiling !== undefined)
    return { ...placeLate(known, report), newest, takesOver: false }
  const revision = newest.revision + ROOM
  const { sequence } = report
  return {
    revision,
    newest: { revision, sequence, reportId: report.report_id.toLowerCase(), lead: id },
    takesOver: true,
    lead: { revision, sequence, ceiling: undefined },
  }
}

/** Nothing that a lead says which was unheard of when it was over stands before what is known. */
function placeLate(known: Lead | undefined, { sequence }: Placed): { readonly revision: number; readonly lead: Lead } {
  const { revision, sequence: last, ceiling = 0 } = known ?? { revision: 0, sequence, ceiling: 0 }
  const own = Math.max(0, Math.min(ceiling, revision + sequence - last))
  return {
    revision: own,
    lead: sequence > last ? { revision: own, sequence, ceiling } : { revision, sequence: last, ceiling },
  }
}

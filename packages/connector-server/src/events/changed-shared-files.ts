import { createEventSampler, openCursor, type Watcher } from '@rca/core/connector'
import { z } from 'zod'
import type { ServerClient } from '../client/server-client.ts'
import { compareFiles, fileSignals, filesSchema } from './changed-files.ts'

/** The same event as for other files. */
export const sharedFileSignals: typeof fileSignals = fileSignals

const cursorSchema = z.record(z.string(), filesSchema)

/**
 * Reports changes of files in the watched folders that are on shares, also those of the time when the agent did not
 * run. Looks every five minutes. Rejects while a share does not answer; the others are compared nevertheless.
 */
export const changedSharedFiles: Watcher<ServerClient> = {
  async watch(client, context) {
    const cursor = openCursor(cursorSchema, context)
    const sampler = createEventSampler()
    let known = cursor.before ?? {}
    for (;;) {
      const { folders, problem } = await client.sharedFiles(context.signal)
      const events = Object.entries(folders).flatMap(([folder, files]) => {
        const before = known[folder]
        return before === undefined ? [] : compareFiles(client, before, files, sampler, context.now())
      })
      if (events.length > 0) context.emit({ events })
      if (Object.keys(folders).length > 0) {
        known = { ...known, ...folders }
        await cursor.save(known)
      }
      if (problem !== undefined) throw new Error(problem)
      await context.sleep('5m')
    }
  },
}

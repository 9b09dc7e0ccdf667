import { setImmediate as nextCycle } from 'node:timers/promises'
import type { Logger } from '@rca/core'

/**
 * Remembers what keeps the process alive now. Returns a function that logs at debug what does so in addition, by the
 * kinds of Node, such as `Timeout`: the connector has not closed it. The agent ends all the same.
 */
export function watchOpenResources(): (agentType: string, logger: Logger) => Promise<void> {
  const before = process.getActiveResourcesInfo()
  return async (agentType, logger) => {
    // A handle that was closed is open until the event loop has turned.
    await nextCycle()
    const rest = [...before]
    const open = process.getActiveResourcesInfo().filter((kind) => {
      const index = rest.indexOf(kind)
      if (index >= 0) rest.splice(index, 1)
      return index < 0
    })
    if (open.length > 0) logger.debug({ agent_type: agentType, open }, 'connector left resources open')
  }
}

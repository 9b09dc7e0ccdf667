/** Resolves when the process is asked to stop. */
export interface StopRequests {
  readonly first: Promise<NodeJS.Signals>
}

/**
 * Listens for SIGTERM and SIGINT from now on: a supervisor may send one before everything is loaded. The first one asks the
 * agent to deliver what is left; a further SIGTERM changes nothing, a further SIGINT (somebody at a keyboard who will not wait) ends the process at once.
 */
export function listenForStop(): StopRequests {
  let asked = false
  const first = new Promise<NodeJS.Signals>((resolve) => {
    const onSignal = (signal: NodeJS.Signals): void => {
      if (asked && signal === 'SIGINT') process.exit(130)
      asked = true
      resolve(signal)
    }
    process.on('SIGTERM', onSignal)
    process.on('SIGINT', onSignal)
  })
  return { first }
}

/**
 * Resolves with the first SIGTERM or SIGINT from now on: a supervisor may send one before everything is loaded. A
 * second SIGTERM changes nothing; a second SIGINT, sent by a person who will not wait, exits at once.
 */
export function waitForStopSignal(): Promise<NodeJS.Signals> {
  let isStopping = false
  return new Promise((resolve) => {
    const onSignal = (signal: NodeJS.Signals): void => {
      if (isStopping && signal === 'SIGINT') process.exit(130)
      isStopping = true
      resolve(signal)
    }
    process.on('SIGTERM', onSignal)
    process.on('SIGINT', onSignal)
  })
}

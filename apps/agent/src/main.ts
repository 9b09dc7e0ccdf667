import { listenForStop } from './stop-requests.ts'

const words = process.argv.slice(2)
const isRun = words.length === 0 || words.join() === 'run'
// Before everything else is loaded, which takes a few hundred milliseconds.
const stop = isRun ? listenForStop() : undefined
const { start } = await import('./start.ts')
await start(words, stop)

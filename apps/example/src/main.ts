import { toTerminalText } from '@rca/core'
import { runExample } from './example.ts'

await runExample({
  environment: process.env,
  print: (text) => console.log(toTerminalText(text)),
  ...(process.argv.includes('--keep') ? { keepUntil: stopSignal } : {}),
})

async function stopSignal(): Promise<void> {
  await new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, resolve)
  })
}

import { connect } from 'node:net'
import { setTimeout } from 'node:timers/promises'

/** Everything that is answered to these texts, sent 100 ms apart over one connection, until it is closed or 1 s of silence. */
export function exchange(url: URL, ...texts: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    let answer = ''
    const socket = connect({ host: url.hostname, port: Number(url.port) }, async () => {
      for (const [index, text] of texts.entries()) {
        if (index > 0) await setTimeout(100)
        socket.write(text)
      }
    })
    socket.setTimeout(1000, () => socket.destroy())
    socket.on('data', (chunk) => {
      answer += chunk.toString()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(answer))
  })
}

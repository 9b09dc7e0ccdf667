import { request } from 'node:http'

/** Exits with 0 when the agent that listens on `RCA_HEALTH_SOCKET` says that it runs: what the image's HEALTHCHECK starts. */
const socketPath = process.env.RCA_HEALTH_SOCKET ?? ''

const asking = request({ socketPath, path: '/healthz', timeout: 4_000 }, (response) => {
  response.resume()
  process.exitCode = response.statusCode === 200 ? 0 : 1
})
asking.on('timeout', () => asking.destroy(new Error('no answer in 4 s')))
asking.on('error', (error) => {
  console.log(`The agent does not answer on ${socketPath || 'RCA_HEALTH_SOCKET, which is not set'}: ${error.message}`)
  process.exitCode = 1
})
asking.end()

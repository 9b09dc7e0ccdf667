// The image's HEALTHCHECK: exits with 0 when the agent that listens on RCA_HEALTH_SOCKET answers that it runs.
import { request } from 'node:http'

const socketPath = process.env.RCA_HEALTH_SOCKET ?? ''

const check = request({ socketPath, path: '/healthz', timeout: 4_000 }, (response) => {
  response.resume()
  process.exitCode = response.statusCode === 200 ? 0 : 1
})
check.on('timeout', () => check.destroy(new Error('no answer in 4 s')))
check.on('error', (error) => {
  console.log(`The agent does not answer on ${socketPath || 'RCA_HEALTH_SOCKET, which is not set'}: ${error.message}`)
  process.exitCode = 1
})
check.end()

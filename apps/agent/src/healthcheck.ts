// The image's HEALTHCHECK: exits with 0 when the agent that listens on RCA_HEALTH_PORT, or else on RCA_HEALTH_SOCKET,
// answers that it runs. Imports nothing of the agent: it runs every 30 seconds.
import { request } from 'node:http'

const port = process.env.RCA_HEALTH_PORT?.trim() ?? ''
const socketPath = process.env.RCA_HEALTH_SOCKET?.trim() ?? ''

if (port === 'off') console.log('The health endpoint is off (RCA_HEALTH_PORT): nothing is checked.')
else if (port === '0')
  console.log('The health endpoint has a free port (RCA_HEALTH_PORT is 0), which is unknown: nothing is checked.')
else if (port !== '') check({ host: '127.0.0.1', port }, `port ${port}`)
else check({ socketPath }, socketPath || 'RCA_HEALTH_SOCKET, which is not set')

function check(
  endpoint: { readonly socketPath: string } | { readonly host: string; readonly port: string },
  name: string,
) {
  const sent = request({ ...endpoint, path: '/healthz', timeout: 4_000 }, (response) => {
    response.resume()
    process.exitCode = response.statusCode === 200 ? 0 : 1
  })
  sent.on('timeout', () => sent.destroy(new Error('no answer in 4 s')))
  sent.on('error', (error) => {
    console.log(`The agent does not answer on ${name}: ${error.message}`)
    process.exitCode = 1
  })
  sent.end()
}

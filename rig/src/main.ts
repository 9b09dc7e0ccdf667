import { findEngine, releaseEngine } from './docker/shared-engine.ts'

const USAGE = `npm run rig -- PART up|down

Parts:
  docker   an engine with the image \`busybox:local\`: the one that answers, or a private one.
           \`up\` prints the line to evaluate: eval "$(npm run -s rig -- docker up)"`

const [part, action, ...rest] = process.argv.slice(2)

if (part === 'docker' && action === 'up' && rest.length === 0) {
  const { dockerHost, missing } = await findEngine()
  if (missing === undefined) console.log(`export DOCKER_HOST=${dockerHost}`)
  else {
    console.error(`There is no Docker Engine: ${missing}.`)
    process.exitCode = 1
  }
} else if (part === 'docker' && action === 'down' && rest.length === 0) {
  const result = await releaseEngine()
  console.error(result === 'stopped' ? 'The private engine is stopped.' : 'No engine was started here.')
} else {
  console.error(USAGE)
  process.exitCode = 2
}

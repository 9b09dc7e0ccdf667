#!/usr/bin/env node
// The program of the published package. It says which Node.js is needed before it loads code that an older one refuses.
import { createRequire } from 'node:module'
import { satisfies } from 'semver'

const { engines } = createRequire(import.meta.url)('../package.json') as { engines: { node: string } }
if (satisfies(process.versions.node, engines.node)) await import('./main.ts')
else {
  console.error(
    `rca-api: Node.js ${process.versions.node} lacks the SQLite that the API stores its data with. Run it with Node.js ${engines.node}.`,
  )
  process.exitCode = 2
}

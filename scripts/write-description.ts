/**
 * Writes `rca.json` of the connector's package in the working directory, from its compiled code. `prepack` of each
 * connector runs it.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type DescribedPackage, STATIC_DESCRIPTION_FILE } from '../packages/core/src/registry/static-description.ts'
import { describeConnector } from './connector-description.ts'

// The range of core is written when the package is published.
const { name, version } = JSON.parse(readFileSync('package.json', 'utf8')) as DescribedPackage
const description = await describeConnector(pathToFileURL(resolve('dist/index.js')).href, { name, version })
// Another process may pack the same package.
const part = `.${STATIC_DESCRIPTION_FILE}-${process.pid}`
writeFileSync(part, `${JSON.stringify(description, undefined, 2)}\n`)
renameSync(part, STATIC_DESCRIPTION_FILE)

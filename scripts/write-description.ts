/**
 * Writes `rca.json` of the connector's package in the working directory, from its compiled code. `prepack` of each
 * connector runs it.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Connector } from '../packages/core/src/connector/connector.ts'
import { isConnector } from '../packages/core/src/connector/define-connector.ts'
import {
  createStaticDescription,
  type DescribedPackage,
  STATIC_DESCRIPTION_FILE,
} from '../packages/core/src/registry/static-description.ts'

const packageJson = JSON.parse(readFileSync('package.json', 'utf8')) as DescribedPackage
const exported = (await import(pathToFileURL(resolve('dist/index.js')).href)) as Record<string, unknown>
const connector = Object.values(exported).find(isConnector)
if (connector === undefined) throw new Error(`${packageJson.name} exports no connector from dist/index.js`)
// The range of core is written when the package is published.
const { name, version } = packageJson
const description = createStaticDescription(connector as Connector, { name, version })
// Another process may pack the same package.
const part = `.${STATIC_DESCRIPTION_FILE}-${process.pid}`
writeFileSync(part, `${JSON.stringify(description, undefined, 2)}\n`)
renameSync(part, STATIC_DESCRIPTION_FILE)

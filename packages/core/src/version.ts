import { createRequire } from 'node:module'

/** Version of this `@rca/core`. */
export const CORE_VERSION: string = (createRequire(import.meta.url)('../package.json') as { version: string }).version

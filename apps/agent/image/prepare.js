// Deletes everything from the image that neither runs nor is a licence: sources, types, source maps, tests and pages.
import { mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

const [app, state] = process.argv.slice(2)

const UNUSED_FILES = /\.(?:[cm]?ts|map|md|markdown|tsbuildinfo|gyp|cc?|h|ya?ml)$|^(?:\.npmignore|\..*rc|Makefile)$/i
const LICENCE = /^(?:licen[cs]e|copying|notice)/i
/** Deleted only in the root of a package: deeper, a folder of this name may hold code. */
const UNUSED_FOLDERS = new Set(['.github', 'benchmark', 'benchmarks', 'docs', 'example', 'examples', 'test', 'tests'])

function prune(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (!entry.isDirectory()) {
      if (UNUSED_FILES.test(entry.name) && !LICENCE.test(entry.name)) rmSync(path)
    } else if (isPackage(folder) && UNUSED_FOLDERS.has(entry.name)) rmSync(path, { recursive: true })
    else prune(path)
  }
  if (readdirSync(folder).length === 0) rmdirSync(folder)
}

function isPackage(folder) {
  const parent = dirname(folder)
  return basename(basename(parent).startsWith('@') ? dirname(parent) : parent) === 'node_modules'
}

for (const own of ['bin', 'chart', 'image', 'manifests', 'Dockerfile'])
  rmSync(join(app, own), { recursive: true, force: true })
prune(app)
mkdirSync(state, { mode: 0o750 })

import { type BrokenPackage, moduleOf } from './package-files.ts'

/** A package, and what the platform says about it. */
export interface InstalledPackage extends BrokenPackage {
  /** Type to deploy. @default `acme/<name>` */
  readonly type?: string
  /** Answer to the request to deploy it: status and problem. */
  readonly deploys?: readonly [status: number, detail: RegExp]
  /** Warning about it, which does not keep it from being used. */
  readonly warning?: RegExp
  /** Problem of the package, for which its type is that of another one, or none. */
  readonly problem?: RegExp
}

const OPTIONS = (name: string): string => `input.properties.${name} = { type: 'string', description: 'An option.' }`

/** Packages whose faults show when they are installed, described or deployed. */
export const installedPackages: Readonly<Record<string, InstalledPackage>> = {
  'other-type': {
    manifest: { type: 'acme/promised' },
    type: 'acme/promised',
    deploys: [500, /declares the type `acme\/promised`.*`acme\/other-type`/],
  },
  'no-manifest': { json: { rca: undefined, dependencies: { '@rca/core': '0.x' } }, warning: /has no `rca`/ },
  'unknown-key': { manifest: { icon: 'x.svg' }, deploys: [201, /install/], warning: /icon/ },
  'same-type': {
    manifest: { type: 'acme/good' },
    deploys: [422, /acme\/same-type/],
    problem: /rca-same-type@1\.2\.3 .*rca-good@1\.2\.3 has the same type `acme\/good`.*remove one of the two/,
  },
  'one-word': {
    type: 'queues',
    manifest: { type: 'queues' },
    module: moduleOf('queues', {}).replace("'acme/queues'", "'queues'"),
    warning: /`VENDOR\/queues`/,
  },
  'contract-2': { manifest: { contract: 2 }, deploys: [500, /version 2 of the contract.*version 1/] },
  throws: { code: "throw new Error('no disk')", deploys: [500, /rca-throws@1\.2\.3 cannot be used.*no disk/] },
  syntax: { module: 'export const = 1', deploys: [500, /rca-syntax@1\.2\.3 cannot be used/] },
  'never-loads': { module: 'await new Promise(() => {})', deploys: [500, /did not load|exit code 13/] },
  prototypes: {
    code: "Object.prototype.extra = () => { throw new Error('changed') }",
    deploys: [500, /rca-prototypes@1\.2\.3/],
  },
  exits: { code: 'process.exit(7)', deploys: [500, /exit code 7/] },
  'published-sources': { json: { exports: './index.ts' }, deploys: [500, /Publish it as JavaScript/] },
  'newer-core': {
    module: `import { traceEntities } from '@rca/core/connector'\n${moduleOf('newer-core', {})}`,
    deploys: [500, /imports `traceEntities`, which `@rca\/core\/connector` of version .* Update `@rca\/core`/],
  },
  'no-module': { manifest: { module: './missing' }, deploys: [500, /missing/] },
  commonjs: {
    json: { type: 'commonjs' },
    module: moduleOf('commonjs', {})
      .replace(/^import (.*) from (.*)$/m, 'const $1 = require($2)')
      .replace('export const connector', 'exports.connector'),
    deploys: [201, /install/],
  },
  transpiled: {
    json: { type: 'commonjs' },
    module: moduleOf('transpiled', {})
      .replace(/^import (.*) from (.*)$/m, 'const $1 = require($2)')
      .replace(
        'export const connector',
        "Object.defineProperty(exports, '__esModule', { value: true })\nexports.default",
      ),
    deploys: [201, /install/],
  },
  'not-defined': {
    module: "export const connector = { contract: 1, type: 'acme/not-defined', collectors: {}, deploy() {} }",
    deploys: [500, /defineConnector/],
  },
  'two-exports': {
    module: `${moduleOf('two-exports', {})}\nexport const other = defineConnector({ ...connector })`,
    deploys: [500, /exports 2 connectors of type `acme\/two-exports`\. Export one of them/],
  },
  'no-json-schema': {
    code: "config = { '~standard': { version: 1, vendor: 'zod', validate: (value) => ({ value }) } }",
    deploys: [500, /zod 3, `zod\/v3` or zod before 4\.2(?!.*(?:Cannot read properties|rca\.module))/],
  },
  'valibot-alone': {
    code: "config = { '~standard': { version: 1, vendor: 'valibot', validate: (value) => ({ value }) } }",
    deploys: [500, /toStandardJsonSchema(?!.*(?:Cannot read properties|rca\.module))/],
  },
  'option-case': { code: OPTIONS('diskPath'), deploys: [500, /diskPath(?!.*Reinstall)/] },
  'option-path': { code: OPTIONS('path'), deploys: [500, /path(?!.*Reinstall)/] },
  'option-taken': { code: OPTIONS('log_level'), deploys: [500, /log_level(?!.*Reinstall)/] },
  'secret-unmarked': { code: OPTIONS('api_password'), deploys: [500, /api_password/] },
  'unit-name': {
    code: "metric({ name: 'Bad Load!', unit: 'furlongs', kind: 'gauge', description: 'x' })\nsignals.bad = metric({ name: 'Bad Load!', unit: 'furlongs', kind: 'gauge', description: 'Bad.' })",
    deploys: [500, /Bad Load!/],
  },
  'short-interval': { code: "collect(async () => ({}), { interval: '1ms' })", deploys: [500, /`?interval`?.*1s/] },
  'deploy-throws': {
    code: "parts.deploy = () => { throw new Error('no region') }",
    deploys: [500, /rca-deploy-throws@1\.2\.3.*no region/],
  },
  'deploy-refuses': {
    code: "const { ConfigError } = await import('@rca/core')\nparts.deploy = () => { throw new ConfigError('acme/deploy-refuses', [{ path: ['region'], message: 'is missing' }]) }",
    deploys: [422, /region/],
  },
  'deploy-text': { code: "parts.deploy = () => ({ command: 'install' })", deploys: [500, /rca-deploy-text@1\.2\.3/] },
}

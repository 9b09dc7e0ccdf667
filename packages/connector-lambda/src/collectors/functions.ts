import { type Collector, type Entity, type Event, entity, event, type Signals } from '@rca/core/connector'
import type { FunctionVersion } from '../aws/aws-api.ts'
import { changeEvent, changeSignal } from '../changes/change-event.ts'
import { functionSpec } from '../changes/function-spec.ts'
import { compareSpecs, type Spec } from '../changes/spec.ts'
import type { LambdaClient } from '../lambda-client.ts'

const codeAttributes = {
  'faas.name': 'Name of the function.',
  'faas.version': 'Number of the version, or `$LATEST`.',
  'cloud.resource_id': 'ARN of the function.',
  'aws.lambda.code.sha256': 'SHA-256 of the code, as Base64.',
} as const

export const functionSignals = {
  function: entity({
    type: 'faas.function',
    description: 'A function, with the settings of its unpublished version (`$LATEST`).',
    attributes: {
      ...codeAttributes,
      'faas.max_memory': 'Memory of an execution, in bytes.',
      'aws.lambda.timeout': 'Seconds after which an execution ends.',
      'aws.lambda.runtime': 'Identifier of the runtime, such as `nodejs24.x`.',
      'aws.lambda.handler': 'Function in the code that is called.',
      'aws.lambda.package_type': '`Zip` or `Image`.',
      'aws.lambda.architectures': 'Instruction sets, such as `arm64`.',
      'aws.lambda.ephemeral_storage': 'Size of `/tmp`, in bytes.',
      'aws.lambda.role': 'ARN of the role of its executions.',
      'aws.lambda.environment.names': 'Names of its environment variables.',
      'aws.lambda.subnets': 'Ids of its subnets.',
      'aws.lambda.security_groups': 'Ids of its security groups.',
      'aws.lambda.dead_letter_target': 'ARN of the queue or topic for events that failed.',
      'aws.lambda.state': '`Active`, `Pending`, `Inactive` or `Failed`.',
      'aws.lambda.state_reason': 'Code of the reason for the state.',
      'aws.lambda.update_status': 'Result of the last update: `Successful`, `InProgress` or `Failed`.',
      'aws.lambda.last_modified': 'Time of the last update.',
      'aws.log.group.names': 'Names of its log groups.',
    },
    relations: {
      part_of: 'Lambda in its account and region.',
      uses_layer: 'A version of a layer that it uses.',
    },
  }),
  version: entity({
    type: 'aws.lambda.version',
    description: 'A published version of a function. It never changes.',
    attributes: { ...codeAttributes, 'aws.lambda.last_modified': 'Time of its publication.' },
    relations: { part_of: 'Its function.' },
  }),
  layer: entity({
    type: 'aws.lambda.layer',
    description: 'A version of a layer that functions use.',
    attributes: { 'aws.lambda.layer.size': 'Size of its archive, in bytes.' },
    relations: { part_of: 'Lambda in the account and region of the functions.' },
  }),
  created: event({
    name: 'faas.function.created',
    severity: 'info',
    description: 'A function was created.',
  }),
  changed: changeSignal('faas.function.changed', 'The code or the configuration of a function changed.'),
  published: event({
    name: 'aws.lambda.version.published',
    severity: 'info',
    description: 'A version of a function was published.',
  }),
  deleted: event({
    name: 'faas.function.deleted',
    severity: 'warning',
    description: 'A function was deleted.',
  }),
  updateFailed: event({
    name: 'faas.function.update_failed',
    severity: 'error',
    description: 'An update of a function failed, or a function cannot be invoked any more.',
    attributes: { 'error.type': 'Code of the reason, such as `ImageAccessDenied`.' },
  }),
}

const MIB = 1_048_576

/** Settings for the comparison of the next run. */
interface Reading {
  readonly functions: ReadonlyMap<
    string,
    { readonly name: string; readonly spec: Spec; readonly failure: string | undefined }
  >
  readonly versions: ReadonlySet<string>
}

/** Functions with their versions and layers, and changes since the last run. */
export const functions: Collector<LambdaClient> = {
  interval: '1m',
  timeout: '50s',
  async collect(client, { signal, now, swapState }) {
    const found = await client.listFunctions({ signal, now })
    const latest = found.filter(({ version }) => version === '$LATEST')
    const published = found.filter(({ version }) => version !== '$LATEST')
    const reading: Reading = {
      functions: new Map(
        latest.map((version) => [
          version.functionArn,
          { name: version.name, spec: functionSpec(version, client.keyedHash), failure: failureOf(version) },
        ]),
      ),
      versions: new Set(published.map(versionArn)),
    }
    const before = swapState(reading)
    const undecrypted = latest.filter(({ environment }) => environment === undefined).length
    return {
      entities: [
        ...latest.map((version) => functionEntity(client, version)),
        ...published.map(versionEntity),
        ...layerEntities(client, found),
      ],
      events:
        before === undefined ? [] : [...changesOf(latest, before, reading, now), ...publications(published, before)],
      gaps: [undecrypted === 0 ? undefined : variablesGap(undecrypted)],
    } satisfies Signals
  },
}

function variablesGap(count: number): { readonly scope: string; readonly reason: string } {
  return {
    scope: 'function:variables',
    reason: `AWS could not decrypt the environment variables of ${count} functions for the agent, so that their changes are not seen. Allow \`kms:Decrypt\` for their keys in the role of the agent`,
  }
}

function functionEntity(client: LambdaClient, version: FunctionVersion): Entity {
  return functionSignals.function.entity({
    id: version.functionArn,
    name: version.name,
    attributes: {
      'faas.name': version.name,
      'faas.version': version.version,
      'cloud.resource_id': version.functionArn,
      'aws.lambda.code.sha256': version.codeSha256,
      'faas.max_memory': bytes(version.memory),
      'aws.lambda.timeout': version.timeout,
      'aws.lambda.runtime': version.runtime,
      'aws.lambda.handler': version.handler,
      'aws.lambda.package_type': version.packageType,
      'aws.lambda.architectures': version.architectures,
      'aws.lambda.ephemeral_storage': bytes(version.ephemeralStorage),
      'aws.lambda.role': version.role,
      'aws.lambda.environment.names':
        version.environment === undefined ? undefined : Object.keys(version.environment).toSorted(),
      'aws.lambda.subnets': version.subnets,
      'aws.lambda.security_groups': version.securityGroups,
      'aws.lambda.dead_letter_target': version.deadLetterTarget,
      'aws.lambda.state': version.state,
      'aws.lambda.state_reason': version.stateReason,
      'aws.lambda.update_status': version.updateStatus,
      'aws.lambda.last_modified': version.lastModified?.toISOString(),
      'aws.log.group.names': version.logGroup === undefined ? undefined : [version.logGroup],
    },
    relations: [
      { type: 'part_of', target: client.entity },
      ...version.layers.map(({ arn }) => ({
        type: 'uses_layer' as const,
        target: functionSignals.layer.reference(arn),
      })),
    ],
  })
}

function versionEntity(version: FunctionVersion): Entity {
  return functionSignals.version.entity({
    id: versionArn(version),
    name: `${version.name}:${version.version}`,
    attributes: {
      'faas.name': version.name,
      'faas.version': version.version,
      'cloud.resource_id': version.functionArn,
      'aws.lambda.code.sha256': version.codeSha256,
      'aws.lambda.last_modified': version.lastModified?.toISOString(),
    },
    relations: [{ type: 'part_of', target: functionReference(version) }],
  })
}

function layerEntities(client: LambdaClient, versions: readonly FunctionVersion[]): Entity[] {
  const layers = new Map(versions.flatMap(({ layers }) => layers.map((layer) => [layer.arn, layer] as const)))
  return [...layers.values()].map(({ arn, codeSize }) =>
    functionSignals.layer.entity({
      id: arn,
      name: arn.split(':').slice(6).join(':'),
      attributes: { 'aws.lambda.layer.size': codeSize },
      relations: [{ type: 'part_of', target: client.entity }],
    }),
  )
}

function changesOf(latest: readonly FunctionVersion[], before: Reading, after: Reading, now: () => Date): Event[] {
  const deleted = [...before.functions].filter(([arn]) => !after.functions.has(arn))
  return [
    ...latest.flatMap((version) => functionChanges(version, before, after, now)),
    ...deleted.map(([arn, { name }]) =>
      functionSignals.deleted.event({
        at: now(),
        entity: functionSignals.function.reference(arn),
        body: `${name} was deleted`,
      }),
    ),
  ]
}

function functionChanges(version: FunctionVersion, before: Reading, after: Reading, now: () => Date): Event[] {
  const entity = functionReference(version)
  const at = version.lastModified ?? now()
  const id = `${version.functionArn}/${version.revision ?? at.toISOString()}`
  const [old, current] = [before.functions.get(version.functionArn), after.functions.get(version.functionArn)]
  if (old === undefined)
    return [functionSignals.created.event({ id: `${id}/created`, at, entity, body: `${version.name} was created` })]
  const difference = current === undefined ? undefined : compareSpecs(old.spec, current.spec)
  const failure = failureOf(version)
  return [
    ...(difference === undefined
      ? []
      : [
          changeEvent(functionSignals.changed, {
            id: `${id}/changed`,
            at,
            entity,
            subject: version.name,
            difference,
          }),
        ]),
    ...(failure === undefined || failure === old.failure
      ? []
      : [
          functionSignals.updateFailed.event({
            at: now(),
            entity,
            body: `${version.name} failed: ${failure}`,
            attributes: { 'error.type': version.state === 'Failed' ? version.stateReason : version.updateReason },
          }),
        ]),
  ]
}

function publications(published: readonly FunctionVersion[], before: Reading): Event[] {
  return published
    .filter((version) => !before.versions.has(versionArn(version)) && before.functions.has(version.functionArn))
    .flatMap((version) =>
      version.lastModified === undefined
        ? []
        : [
            functionSignals.published.event({
              id: `${versionArn(version)}/published`,
              at: version.lastModified,
              entity: functionReference(version),
              body: `Version ${version.version} of ${version.name} was published`,
            }),
          ],
    )
}

/** Returns what failed, or `undefined` while nothing has. */
function failureOf({ state, stateReason, updateStatus, updateReason }: FunctionVersion): string | undefined {
  if (state === 'Failed') return `its state is Failed (${stateReason ?? 'no reason given'})`
  if (updateStatus === 'Failed') return `its last update failed (${updateReason ?? 'no reason given'})`
  return undefined
}

function functionReference({ functionArn }: FunctionVersion): { readonly type: string; readonly id: string } {
  return functionSignals.function.reference(functionArn)
}

function versionArn({ functionArn, version }: FunctionVersion): string {
  return `${functionArn}:${version}`
}

function bytes(mebibytes: number | undefined): number | undefined {
  return mebibytes === undefined ? undefined : mebibytes * MIB
}

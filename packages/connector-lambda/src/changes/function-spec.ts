import type { FunctionVersion } from '../aws/aws-api.ts'
import { presentValues, type Spec } from './spec.ts'

/** Returns the settings of a function. Its private ones are unknown if AWS could not decrypt its variables. */
export function functionSpec(version: FunctionVersion, keyedHash: (text: string) => string): Spec {
  const { environment, imageConfig } = version
  const privateValues = {
    ...Object.fromEntries(Object.entries(environment ?? {}).map(([name, value]) => [`variable ${name}`, value])),
    ...(imageConfig === undefined ? {} : { image_config: imageConfig }),
  }
  return {
    shown: presentValues({
      code: version.codeSha256,
      package_type: version.packageType,
      runtime: version.runtime,
      handler: version.handler,
      architectures: version.architectures.join(', '),
      memory: withUnit(version.memory, 'MiB'),
      timeout: withUnit(version.timeout, 's'),
      ephemeral_storage: withUnit(version.ephemeralStorage, 'MiB'),
      role: version.role,
      layers: version.layers.map(({ arn }) => arn).join(', '),
      subnets: version.subnets.toSorted().join(', '),
      security_groups: version.securityGroups.toSorted().join(', '),
      dead_letter_target: version.deadLetterTarget,
      kms_key: version.kmsKey,
      tracing: version.tracing,
      snap_start: version.snapStart,
      log_group: version.logGroup,
      log_format: version.logFormat,
      file_systems: version.fileSystems.join(', '),
    }),
    hashed:
      environment === undefined
        ? undefined
        : Object.fromEntries(Object.entries(privateValues).map(([name, value]) => [name, keyedHash(value)])),
  }
}

function withUnit(value: number | undefined, unit: string): string | undefined {
  return value === undefined ? undefined : `${value} ${unit}`
}

import type { CliCommand } from './command.ts'
import { build } from './commands/build.ts'
import { check } from './commands/check.ts'
import { dev } from './commands/dev.ts'
import { docs } from './commands/docs.ts'
import { matrix } from './commands/matrix.ts'
import { pack } from './commands/pack.ts'
import { record } from './commands/record.ts'
import { replay } from './commands/replay.ts'
import { test } from './commands/test.ts'

/** All commands, in the order of the help. */
export const commands: Readonly<Record<string, CliCommand>> = {
  build,
  dev,
  test,
  check,
  docs,
  record,
  replay,
  pack,
  matrix,
}

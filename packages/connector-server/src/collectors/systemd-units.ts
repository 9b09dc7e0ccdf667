import type { Collector } from '@rca/core/connector'
import type { ServerClient } from '../client/server-client.ts'
import { entities } from '../entities.ts'
import { upDownCounter } from '../metrics.ts'

export const systemdSignals = {
  failedUnitCount: upDownCounter(
    'server.systemd.failed_unit.count',
    '{unit}',
    'systemd units in the state `failed`. Absent where systemd does not run.',
  ),
}

/** systemd units in the state `failed`. Empty where systemd does not run. */
export const systemdUnits: Collector<ServerClient> = {
  interval: '1m',
  async collect(client, { signal }) {
    const units = await client.failedUnits(signal)
    if (units === undefined) return {}
    const { entity } = client.machine
    return {
      entities: units.map((unit) =>
        entities.systemdUnit.entity({
          id: unit.name,
          attributes: {
            'systemd.unit.name': unit.name,
            'systemd.unit.description': unit.description,
            'systemd.unit.result': unit.result,
            'process.exit.code': unit.exitCode,
            'server.process.exit_signal': unit.killedBy,
          },
          relations: [{ type: 'part_of', target: entity }],
        }),
      ),
      metrics: [systemdSignals.failedUnitCount.point(units.length, entity)],
    }
  },
}

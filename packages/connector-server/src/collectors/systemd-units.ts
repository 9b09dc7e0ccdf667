import type { Collector } from '@rca/core/connector'
import type { ServerClient } from '../client/server-client.ts'
import { signals } from '../signals.ts'

/** systemd units that have failed. Nothing where no systemd runs. */
export const systemdUnits: Collector<ServerClient> = {
  interval: '1m',
  async collect(client, { signal }) {
    const units = await client.failedUnits(signal)
    if (units === undefined) return {}
    const { entity } = client.machine
    return {
      entities: units.map((unit) =>
        signals.systemdUnit.entity({
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
      metrics: [signals.failedUnitCount.point(units.length, entity)],
    }
  },
}

import type { Collector } from '@rca/core/connector'
import type { ServerClient } from '../client/server-client.ts'
import { gauge } from '../metrics.ts'

const sourceAttribute = { 'server.clock.source': '`chrony` or `systemd-timesyncd`.' }

export const clockOffsetSignals = {
  clockOffset: gauge(
    'server.clock.offset',
    's',
    'Seconds by which the clock was ahead of its NTP servers, or behind if negative, at its last comparison. Absent while it is not synchronized.',
    sourceAttribute,
  ),
  clockSynchronized: gauge(
    'server.clock.synchronized',
    '1',
    '1 if the clock is synchronized by NTP, 0 if not. Absent where neither chrony nor systemd-timesyncd answers.',
    sourceAttribute,
  ),
}

/** Offset of the clock, as chrony or systemd-timesyncd reports it. */
export const clockOffset: Collector<ServerClient> = {
  interval: '5m',
  async collect(client, { signal }) {
    const offset = await client.clockOffset(signal)
    if (offset === undefined) return {}
    const { entity } = client.machine
    const attributes = { 'server.clock.source': offset.source }
    return {
      metrics: [
        clockOffsetSignals.clockOffset.point(offset.secondsAhead, entity, attributes),
        clockOffsetSignals.clockSynchronized.point(offset.isSynchronized ? 1 : 0, entity, attributes),
      ],
    }
  },
}

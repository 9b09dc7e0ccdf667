import type { NetworkUsage } from './container-usage.ts'
import { numberIn } from './kernel-files.ts'

/** Interfaces of a network namespace from `/proc/<pid>/net/dev` (proc(5)), without the loopback. */
export function networkDevicesIn(text: string): NetworkUsage[] {
  return [...text.matchAll(/^[ \t]*([^:\s]+):[ \t]*(\S.*)$/gm)]
    .filter(([, name]) => name !== 'lo')
    .map(([, name = '', columns = '']) => {
      const values = columns.split(/\s+/).map((column) => numberIn(column))
      return {
        name,
        bytesReceived: values[0],
        packetsReceived: values[1],
        errorsReceived: values[2],
        droppedReceived: values[3],
        bytesTransmitted: values[8],
        packetsTransmitted: values[9],
        errorsTransmitted: values[10],
        droppedTransmitted: values[11],
      }
    })
}

import type { NetworkInterfaceReading } from '../server-client.ts'
import { kernelNumber } from './kernel-number.ts'

/** Parses the lines of `/proc/net/dev` for which `isWanted` holds. The two heading lines have no colon. */
export function parseNetworkDevices(text: string, isWanted: (name: string) => boolean): NetworkInterfaceReading[] {
  const interfaces: NetworkInterfaceReading[] = []
  for (const line of text.split('\n')) {
    // The name of an alias, such as `eth0:1`, contains a colon.
    const colon = line.lastIndexOf(':')
    if (colon < 0) continue
    const name = line.slice(0, colon).trim()
    if (!isWanted(name)) continue
    const fields = line
      .slice(colon + 1)
      .trim()
      .split(/ +/)
    const field = (index: number): number | undefined => kernelNumber(fields[index] ?? '')
    interfaces.push({
      name,
      bytesReceived: field(0),
      packetsReceived: field(1),
      receiveErrors: field(2),
      receiveDrops: field(3),
      bytesSent: field(8),
      packetsSent: field(9),
      sendErrors: field(10),
      sendDrops: field(11),
    })
  }
  return interfaces
}

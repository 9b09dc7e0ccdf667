import type { NetworkInterfaceReading } from '../server-client.ts'

/** Reads the lines of `/proc/net/dev` that `isWanted` wants. Its two lines of headings have no colon. */
export function parseNetworkDevices(text: string, isWanted: (name: string) => boolean): NetworkInterfaceReading[] {
  const interfaces: NetworkInterfaceReading[] = []
  for (const line of text.split('\n')) {
    // An alias such as `eth0:1` has a colon of its own.
    const colon = line.lastIndexOf(':')
    if (colon < 0) continue
    const name = line.slice(0, colon).trim()
    if (!isWanted(name)) continue
    const fields = line
      .slice(colon + 1)
      .trim()
      .split(/ +/)
    const field = (index: number): number => Number(fields[index])
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

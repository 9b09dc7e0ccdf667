import { expect, test } from 'vitest'
import { parseNetworkDevices } from './net-dev.ts'

test('parseNetworkDevices reads the wanted interfaces', () => {
  const text = `Inter-|   Receive    |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:    3193      29    0    0    0     0          0         0     3193      29    0    0    0     0       0          0
  eth0:465728972 12491 1 2 0 0 0 0 853218 8222 3 4 0 0 0 0
`
  expect(parseNetworkDevices(text, (name) => name !== 'lo')).toEqual([
    {
      name: 'eth0',
      bytesReceived: 465728972,
      packetsReceived: 12491,
      receiveErrors: 1,
      receiveDrops: 2,
      bytesSent: 853218,
      packetsSent: 8222,
      sendErrors: 3,
      sendDrops: 4,
    },
  ])
})

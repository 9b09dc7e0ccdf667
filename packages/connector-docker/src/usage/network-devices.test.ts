import { expect, test } from 'vitest'
import { captured, exactEngine } from '../../test/fixtures.ts'
import { networkDevicesIn } from './network-devices.ts'

const header = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
`

test('every interface but the loopback, each column in its place', () => {
  const text = `${header}    lo: 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9
  eth0:  100 2 3 4 0 0 0 0 500 6 7 8 0 0 0 0
  eth1:9999999999999 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0
`
  expect(networkDevicesIn(text)).toEqual([
    {
      name: 'eth0',
      bytesReceived: 100,
      packetsReceived: 2,
      errorsReceived: 3,
      droppedReceived: 4,
      bytesTransmitted: 500,
      packetsTransmitted: 6,
      errorsTransmitted: 7,
      droppedTransmitted: 8,
    },
    expect.objectContaining({ name: 'eth1', bytesReceived: 9_999_999_999_999, bytesTransmitted: 1 }),
  ])
})

test('the captured one', () => {
  const of = captured(exactEngine)
  const { pid } = of.container('shop-web-1').state
  expect(networkDevicesIn(of.text(`root/proc/${pid}/net/dev`))).toMatchObject([
    { name: 'eth0', packetsReceived: 294, bytesTransmitted: 12_605_733, errorsReceived: 0 },
  ])
})

test('a container without an interface has none; what is no number is left out', () => {
  expect(networkDevicesIn(`${header}    lo: 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9\n`)).toEqual([])
  expect(networkDevicesIn('')).toEqual([])
  const [device] = networkDevicesIn('eth0:\neth1: 1 odd -3\n')
  expect(device).toEqual({
    name: 'eth1',
    bytesReceived: 1,
    packetsReceived: undefined,
    errorsReceived: undefined,
    droppedReceived: undefined,
    bytesTransmitted: undefined,
    packetsTransmitted: undefined,
    errorsTransmitted: undefined,
    droppedTransmitted: undefined,
  })
})

import { describe, expect, test } from 'vitest'
import { fixture } from '../../../test/fixture-root.ts'
import { parseMountInformation, selectFilesystems } from './mountinfo.ts'

describe('mountinfo', () => {
  const mount = (line: string) => parseMountInformation(line)[0]

  test('unescapes names', () => {
    const line = String.raw`63 43 0:39 / /run/a\040volume\134x\011y ro,relatime shared:1 master:2 - nfs4 server:/a\040b rw,vers=4.2`
    expect(mount(line)).toEqual({
      filesystem: '0:39',
      folder: '/',
      mountPoint: '/run/a volume\\x\ty',
      type: 'nfs4',
      device: 'server:/a b',
      readOnly: true,
    })
  })

  test.each([
    ['rw,relatime', 'rw', false],
    ['ro,relatime', 'rw', true],
    ['rw,relatime', 'ro,errors=remount-ro', true],
    ['rw,relatime', 'rw,errors=remount-ro', false],
    ['rw,relatime', 'rw,emergency_ro', true],
    ['rw', 'rw,shutdown', true],
  ])('%s - %s', (mountOptions, superOptions, readOnly) => {
    expect(mount(`1 0 8:1 / / ${mountOptions} - ext4 /dev/sda1 ${superOptions}`)?.readOnly).toBe(readOnly)
  })

  test('selects each filesystem with data once', () => {
    const selected = selectFilesystems(parseMountInformation(fixture('linux-vm/proc/1/mountinfo')))
    expect(selected.map(({ mountPoint, type }) => `${mountPoint} ${type}`)).toEqual([
      '/ ext4',
      '/dev/shm tmpfs',
      '/run/a volume tmpfs',
    ])
  })

  test.each([
    [
      'an overlay is left out, unless it is the root',
      ['0:50 / /var/lib/docker/overlay2/x/merged overlay', '0:51 / / overlay'],
      ['/'],
    ],
    ['a bind mount that stands before its filesystem', ['8:1 /data /srv xfs', '8:1 / /mnt/disk xfs'], ['/mnt/disk']],
    ['of bind mounts alone the shortest', ['8:1 /a /mnt/long xfs', '8:1 /b /srv xfs'], ['/srv']],
    ['what a later mount hides', ['8:1 / /data ext4', '8:2 / /data xfs'], ['/data']],
    [
      'memory of containers and sessions',
      ['0:60 / /run/user/0 tmpfs', '0:61 / /var/lib/kubelet/pods/a tmpfs', '0:62 / /tmp tmpfs'],
      ['/tmp'],
    ],
    ['a volume of a pod', ['8:9 / /var/lib/kubelet/pods/a/volumes/b ext4'], ['/var/lib/kubelet/pods/a/volumes/b']],
    ['images', ['7:1 / /snap/core squashfs', '11:0 / /media/cd iso9660'], []],
  ])('%s', (_name, lines, expected) => {
    const text = lines.map((line, index) => {
      const [device, folder, mountPoint, type] = line.split(' ')
      return `${index} 0 ${device} ${folder} ${mountPoint} rw - ${type} source rw`
    })
    expect(selectFilesystems(parseMountInformation(text.join('\n'))).map(({ mountPoint }) => mountPoint)).toEqual(
      expected,
    )
  })
})

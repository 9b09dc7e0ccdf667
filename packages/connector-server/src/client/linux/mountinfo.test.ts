import { describe, expect, test } from 'vitest'
import { fixture } from '../../../test/fixture-root.ts'
import { parseMountInformation, selectFilesystems } from './mountinfo.ts'

describe('mountinfo', () => {
  const mount = (line: string) => parseMountInformation(line)[0]

  test('unescapes names', () => {
    const line = String.raw`63 43 0:39 / /run/a\040volume\134x\011y ro,relatime shared:1 master:2 - nfs4 server:/a\040b rw,vers=4.2`
    expect(mount(line)).toEqual({
      filesystem: '0:39',
      directory: '/',
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
  ])(
    'reads whether a mount with `%s` on a filesystem with `%s` is read-only',
    (mountOptions, superOptions, readOnly) => {
      expect(mount(`1 0 8:1 / /data ${mountOptions} - ext4 /dev/sda1 ${superOptions}`)?.readOnly).toBe(readOnly)
    },
  )

  test('reads only the filesystems of the host where a service sees every mount as read-only', () => {
    const text = [
      '8:1 / / ro - ext4 /dev/sda1 rw',
      '8:2 / /data ro - xfs /dev/sda2 rw',
      '8:3 / /old ro - xfs /dev/sda3 ro',
    ]
    const mounts = parseMountInformation(text.map((line) => `1 0 ${line}`).join('\n'))
    expect(mounts.map(({ mountPoint, readOnly }) => [mountPoint, readOnly])).toEqual([
      ['/', false],
      ['/data', false],
      ['/old', true],
    ])
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
    ['no overlay except the root', ['0:50 / /var/lib/docker/overlay2/x/merged overlay', '0:51 / / overlay'], ['/']],
    ['the root of a filesystem before its bind mount', ['8:1 /data /srv xfs', '8:1 / /mnt/disk xfs'], ['/mnt/disk']],
    ['the shortest of several bind mounts', ['8:1 /a /mnt/long xfs', '8:1 /b /srv xfs'], ['/srv']],
    ['no mount that a later one hides', ['8:1 / /data ext4', '8:2 / /data xfs'], ['/data']],
    [
      'no tmpfs of containers and sessions',
      ['0:60 / /run/user/0 tmpfs', '0:61 / /var/lib/kubelet/pods/a tmpfs', '0:62 / /tmp tmpfs'],
      ['/tmp'],
    ],
    ['the volume of a pod', ['8:9 / /var/lib/kubelet/pods/a/volumes/b ext4'], ['/var/lib/kubelet/pods/a/volumes/b']],
    ['no images', ['7:1 / /snap/core squashfs', '11:0 / /media/cd iso9660'], []],
  ])('selects %s', (_what, lines, expected) => {
    const text = lines.map((line, index) => {
      const [device, directory, mountPoint, type] = line.split(' ')
      return `${index} 0 ${device} ${directory} ${mountPoint} rw - ${type} source rw`
    })
    expect(selectFilesystems(parseMountInformation(text.join('\n'))).map(({ mountPoint }) => mountPoint)).toEqual(
      expected,
    )
  })
})

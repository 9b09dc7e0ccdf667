import { describe, expect, test } from 'vitest'
import { fixture } from '../../../test/fixture-root.ts'
import { parseMountInformation, selectFilesystems } from './mountinfo.ts'

describe('mountinfo', () => {
  const mount = (line: string) => parseMountInformation(line)[0]

  test('unescapes names', () => {
    const line = String.raw`63 43 0:39 / /run/a\040volume\134x\011y ro,relatime shared:1 master:2 - nfs4 server:/a\040b rw,vers=4.2`
    expect(mount(line)).toEqual({
      id: '63',
      parent: '43',
      filesystem: '0:39',
      directory: '/',
      mountPoint: '/run/a volume\\x\ty',
      type: 'nfs4',
      device: 'server:/a b',
      readOnly: true,
      filesystemReadOnly: false,
      endsWritingOnError: false,
    })
  })

  test('decodes names, and escapes the bytes of one that is not UTF-8', () => {
    const line = Buffer.from('63 43 0:39 / /mnt/größe rw - ext4 /dev/sda1 rw').toString('latin1')
    expect(mount(line)?.mountPoint).toBe('/mnt/größe')
    expect(mount(line)).not.toHaveProperty('mountPointBytes')
    expect(mount('63 43 0:39 / /mnt/caf\xe9\\040x rw - ext4 /dev/sda1 rw')).toMatchObject({
      mountPoint: String.raw`/mnt/caf\xe9 x`,
      mountPointBytes: Buffer.from('/mnt/caf\xe9 x', 'latin1'),
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
    [
      'no images of programs',
      [
        '0:77 / /tmp/.mount_editorXYZ fuse.editor.AppImage',
        '0:78 / /tmp/.mount_aBcDeF fuse.renamed',
        '0:79 / /home/ann/image fuse.squashfuse_ll',
        '0:80 / /home/ann/remote fuse.sshfs',
      ],
      ['/home/ann/remote'],
    ],
    [
      'no tmpfs of containers in any folder',
      [
        '0:60 / /run/k3s/containerd/io.containerd.grpc.v1.cri/sandboxes/a1/shm tmpfs',
        '0:61 / /var/snap/microk8s/common/run/containerd/io.containerd.grpc.v1.cri/sandboxes/a1/shm tmpfs',
        '0:62 / /home/ann/.local/share/containers/storage/overlay-containers/a1/userdata/shm tmpfs',
        '0:63 / /data/docker/containers/a1/mounts/shm tmpfs',
        '0:64 / /data/kubelet/pods/5f0c/volumes/kubernetes.io~projected/kube-api-access tmpfs',
        '0:65 / /opt/nomad/alloc/3b241101-e2bb-4255-8caf-4136c566a962/web/secrets tmpfs',
        '0:66 / /data/engine/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef/memory tmpfs',
        '0:67 / /home/ann/.local/share/containers/storage/overlay/a1/merged fuse.fuse-overlayfs',
        '0:68 / /data/docker/overlay2/a1/merged overlay',
        '0:69 / /srv/cache tmpfs',
        '8:9 / /data/kubelet/pods/5f0c/volumes/kubernetes.io~csi/pvc/mount ext4',
      ],
      ['/srv/cache', '/data/kubelet/pods/5f0c/volumes/kubernetes.io~csi/pvc/mount'],
    ],
  ])('selects %s', (_what, lines, expected) => {
    const text = lines.map((line, index) => {
      const [device, directory, mountPoint, type] = line.split(' ')
      return `${index + 1} 0 ${device} ${directory} ${mountPoint} ${type?.startsWith('fuse.') ? 'ro' : 'rw'} - ${type} source rw`
    })
    expect(selectFilesystems(parseMountInformation(text.join('\n'))).map(({ mountPoint }) => mountPoint)).toEqual(
      expected,
    )
  })

  test.each([
    ['below the mount point of another one', ['2 1 8:1 /mnt/a', '3 1 8:2 /mnt'], ['/mnt']],
    ['whose parent is hidden', ['2 1 8:1 /mnt/a', '3 2 8:3 /mnt/a/b', '4 1 8:2 /mnt'], ['/mnt']],
    ['below a mount that another one covers', ['2 1 8:1 /mnt', '3 2 8:3 /mnt/a', '4 2 8:2 /mnt'], ['/mnt']],
  ])('leaves out a mount %s', (_what, lines, expected) => {
    expect(select(lines)).toEqual(['/', ...expected])
  })

  test('keeps a mount in another mount, and beside one with a similar name', () => {
    expect(select(['2 1 8:2 /mnt', '3 2 8:1 /mnt/a', '4 1 8:4 /mnt-a'])).toEqual(['/', '/mnt', '/mnt/a', '/mnt-a'])
    expect(select(['2 1 8:2 /mnt', '3 1 8:1 /'])).toEqual(['/', '/mnt'])
  })

  /** Selects from the root and these mounts: the id of a mount and of its parent, the device and the mount point. */
  function select(lines: readonly string[]): string[] {
    const text = ['1 0 8:0 /', ...lines].map((line) => {
      const [id, parent, device, mountPoint] = line.split(' ')
      return `${id} ${parent} ${device} / ${mountPoint} rw - ext4 source rw`
    })
    return selectFilesystems(parseMountInformation(text.join('\n'))).map(({ mountPoint }) => mountPoint)
  }
})

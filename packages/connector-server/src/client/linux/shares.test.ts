import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from '@rca/rig/temporary-directory'
import { describe, expect, test } from 'vitest'
import { createRootReader } from './root-reader.ts'
import { findShares } from './shares.ts'

/** Returns the shares of a machine with mounts `mount point → type`. */
function sharesOf(mounts: Record<string, string>, folders: string[], links: Record<string, string> = {}) {
  const root = temporaryDirectory()
  const lines = Object.entries(mounts).map(
    ([mountPoint, type], index) => `${index + 2} 1 0:${index + 2} / ${mountPoint} rw - ${type} ${type} rw`,
  )
  root.write('proc/1/mountinfo', `1 0 8:1 / / rw - ext4 /dev/sda1 rw\n${lines.join('\n')}\n`)
  root.write('etc/shop.conf', '')
  for (const [path, target] of Object.entries(links)) symlinkSync(target, join(root.path, path))
  return findShares(createRootReader(root.path), 'proc/1/mountinfo', folders)
}

describe('findShares', () => {
  test.each(['nfs4', 'cifs', 'fuse.sshfs', 'ceph', '9p'])('finds a folder in a share of type %s', (type) => {
    const shares = sharesOf({ '/mnt/share': type }, ['/mnt/share/conf', '/etc'])
    expect(shares.mountPoints).toEqual(['/mnt/share/conf'])
    expect(shares.has('/mnt/share/conf/a.conf')).toBe(true)
    expect(shares.has('/etc/shop.conf')).toBe(false)
  })

  test('finds a share that is mounted in a folder, and a filesystem below it', () => {
    const shares = sharesOf({ '/etc/app': 'nfs', '/etc/app/local': 'ext4', '/etc/apps': 'ext4' }, ['/etc'])
    expect(shares.mountPoints).toEqual(['/etc/app'])
    expect(['/etc/app', '/etc/app/local/x', '/etc/apps/x', '/etc'].map(shares.has)).toEqual([true, true, false, false])
  })

  test('follows links to a share, and keeps the path as it is configured', () => {
    const shares = sharesOf({ '/mnt/share': 'nfs' }, ['/etc/shop/conf'], { 'etc/shop': '/mnt/share/shop' })
    expect(shares.mountPoints).toEqual(['/etc/shop/conf'])
    expect(shares.has('/etc/shop/conf/a.conf')).toBe(true)
  })

  test('neither lists nor reads filesystems of the kernel', () => {
    const shares = sharesOf({ '/proc': 'proc', '/srv/auto': 'autofs' }, ['/proc/sys', '/srv'])
    expect(shares.mountPoints).toEqual([])
    expect(['/proc/sys/kernel', '/srv/auto/x', '/srv/x'].map(shares.has)).toEqual([true, true, false])
  })

  test('lists a share that an automounter has mounted', () => {
    const mounts = '2 1 0:2 / /srv rw - autofs auto rw\n3 2 0:3 / /srv rw - nfs host:/srv rw\n'
    const root = temporaryDirectory()
    root.write('proc/1/mountinfo', mounts)
    expect(findShares(createRootReader(root.path), 'proc/1/mountinfo', ['/srv']).mountPoints).toEqual(['/srv'])
  })
})

import { temporaryDirectory } from '@rca/rig/temporary-directory'
import { describe, expect, test } from 'vitest'
import { captured, engineNames, exactEngine } from '../../test/fixtures.ts'
import { openCgroupTree } from './cgroup-tree.ts'

const container = captured(exactEngine).container('plain')
const { id } = container

/** Returns a container with a parent group and a main process. */
function inGroup(cgroupParent: string | undefined, pid: number | undefined = undefined) {
  return { ...container, cgroupParent, state: { ...container.state, pid } }
}

describe.each(engineNames)('openCgroupTree: %s', (name) => {
  test('finds running containers only', () => {
    const of = captured(name)
    const tree = openCgroupTree(of.root)
    expect(tree?.version).toBe(Number(of.info.cgroupVersion))
    for (const running of ['shop-web-1', 'plain', 'on-host', 'paused', 'sick', 'tty'])
      expect(tree?.folder(of.container(running)), running).toContain(of.container(running).id)
    for (const ended of ['created', 'crashed', 'oom']) expect(tree?.folder(of.container(ended)), ended).toBeUndefined()
  })
})

describe.each([1, 2] as const)('openCgroupTree: version %s', (version) => {
  const tree = (folder: string, files: Readonly<Record<string, string>> = {}) => {
    const root = temporaryDirectory()
    const group = version === 1 ? `sys/fs/cgroup/memory/${folder}` : `sys/fs/cgroup/${folder}`
    root.write(`${group}/cgroup.procs`, '')
    if (version === 2) root.write('sys/fs/cgroup/cgroup.controllers', 'cpu memory\n')
    for (const [file, text] of Object.entries(files)) root.write(file, text)
    return openCgroupTree(root.path)
  }

  test.each([
    ['by the engine itself', `docker/${id}`, ''],
    ['by the engine itself, in a parent', `/ours/${id}`, '/ours'],
    ['by systemd', `system.slice/docker-${id}.scope`, ''],
    ['by systemd, in a slice', `ours.slice/docker-${id}.scope`, 'ours.slice'],
    ['by systemd, in a slice of slices', `a.slice/a-b.slice/a-b-c.slice/docker-${id}.scope`, 'a-b-c.slice'],
    ['by Podman', `machine.slice/libpod-${id}.scope`, undefined],
  ])('finds a container created %s', (_name, folder, parent) => {
    const found = tree(folder)?.folder(inGroup(parent))
    expect(found?.replace(/^\//, '')).toBe(folder.replace(/^\//, ''))
  })

  const line = (folder: string): string => (version === 1 ? `9:pids:/x\n4:cpu,memory:${folder}\n` : `0::${folder}\n`)

  test('finds a container in another folder by its process', () => {
    const folder = `elsewhere/${id}/init`
    expect(tree(folder, { 'proc/42/cgroup': line(`/${folder}`) })?.folder(inGroup('', 42))).toBe(folder)
    expect(tree(folder)?.folder(inGroup('', 42))).toBeUndefined()
    expect(tree(folder)?.folder(inGroup(''))).toBeUndefined()
  })

  test('ignores another process with a reused pid', () => {
    const stranger = tree('elsewhere/another', { 'proc/42/cgroup': line('/elsewhere/another') })
    expect(stranger?.folder(inGroup('', 42))).toBeUndefined()
    expect(tree('elsewhere/x', { 'proc/42/cgroup': line(`/removed/${id}`) })?.folder(inGroup('', 42))).toBeUndefined()
    expect(tree('elsewhere/x', { 'proc/42/cgroup': 'garbage' })?.folder(inGroup('', 42))).toBeUndefined()
  })
})

test('openCgroupTree returns undefined without control groups', () => {
  expect(openCgroupTree(temporaryDirectory().path)).toBeUndefined()
  expect(openCgroupTree('/nonexistent')).toBeUndefined()
})

test('openCgroupTree has controller folders in version 1 only', () => {
  const root = temporaryDirectory()
  root.write('sys/fs/cgroup/memory/memory.stat', '')
  expect(openCgroupTree(root.path)?.controller('cpu')).toBe(`${root.path}/sys/fs/cgroup/cpu`)
  root.write('sys/fs/cgroup/cgroup.controllers', '')
  expect(openCgroupTree(root.path)?.controller('cpu')).toBe(`${root.path}/sys/fs/cgroup`)
})

/** One line of `/proc/<pid>/mountinfo`. proc_pid_mountinfo(5) */
interface MountInformation {
  /** `major:minor` of the filesystem, equal for all its mounts. */
  readonly filesystem: string
  /** Directory of the filesystem that is mounted: `/`, or another one for a bind mount. */
  readonly directory: string
  readonly mountPoint: string
  readonly type: string
  readonly device: string
  readonly readOnly: boolean
}

export function parseMountInformation(text: string): MountInformation[] {
  const mounts = text.split('\n').flatMap((line) => {
    const [mount = '', filesystem] = line.split(' - ', 2)
    const [, , number, directory, mountPoint, mountOptions] = mount.split(' ')
    const [type, device, superOptions] = filesystem?.split(' ') ?? []
    if (number === undefined || directory === undefined || mountPoint === undefined || type === undefined) return []
    return [
      {
        filesystem: number,
        directory: unescapeOctal(directory),
        mountPoint: unescapeOctal(mountPoint),
        type,
        device: unescapeOctal(device ?? type),
        isMountReadOnly: isReadOnly(mountOptions),
        isFilesystemReadOnly: isReadOnly(superOptions),
      },
    ]
  })
  const root = mounts.findLast(({ mountPoint }) => mountPoint === '/')
  // systemd mounts everything read-only for a service with `ProtectSystem=strict`: only the filesystems are the host's.
  const isConfined = root?.isMountReadOnly === true && !root.isFilesystemReadOnly
  return mounts.map(({ isMountReadOnly, isFilesystemReadOnly, ...mount }) => ({
    ...mount,
    readOnly: isFilesystemReadOnly || (isMountReadOnly && !isConfined),
  }))
}

/**
 * Checks the options of a mount or of its filesystem. After an error only those of the filesystem change: to `ro`,
 * or to `emergency_ro` for ext4 since Linux 6.15.
 */
function isReadOnly(options: string | undefined): boolean {
  return /(?:^|,)(?:ro|emergency_ro|shutdown)(?:,|$)/.test(options ?? '')
}

function unescapeOctal(text: string): string {
  if (!text.includes('\\')) return text
  return text.replaceAll(/\\([0-7]{3})/g, (_escape, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
}

/** Filesystem types without user data, and image types, which are always full. */
const PSEUDO_TYPES = new Set([
  'autofs',
  'binder',
  'binfmt_misc',
  'bpf',
  'cgroup',
  'cgroup2',
  'configfs',
  'cramfs',
  'debugfs',
  'devpts',
  'devtmpfs',
  'efivarfs',
  'erofs',
  'fuse.gvfsd-fuse',
  'fuse.lxcfs',
  'fuse.portal',
  'fuse.snapfuse',
  'fusectl',
  'hugetlbfs',
  'iso9660',
  'mqueue',
  'nsfs',
  'overlay',
  'proc',
  'pstore',
  'ramfs',
  'resctrl',
  'rpc_pipefs',
  'securityfs',
  'selinuxfs',
  'squashfs',
  'sysfs',
  'tracefs',
])

/** Paths at which container runtimes, login sessions and control groups mount many short-lived `tmpfs`. */
const TRANSIENT_PATHS =
  /^\/(?:sys|run\/(?:user|credentials|docker|containerd|netns)|var\/lib\/(?:docker|containers|containerd|kubelet)|var\/run\/docker)\//

/**
 * Selects one mount per filesystem with data, preferably the mount of the filesystem's own root. Skips mounts that
 * a later mount hides, and every `overlay` except the root.
 */
export function selectFilesystems(mounts: readonly MountInformation[]): MountInformation[] {
  const visible = new Map(mounts.map((mount) => [mount.mountPoint, mount]))
  const chosen = new Map<string, MountInformation>()
  for (const mount of visible.values()) {
    if (!holdsData(mount)) continue
    const rival = chosen.get(mount.filesystem)
    if (rival === undefined || isBetter(mount, rival)) chosen.set(mount.filesystem, mount)
  }
  return [...chosen.values()]
}

function holdsData({ type, mountPoint }: MountInformation): boolean {
  if (type === 'overlay') return mountPoint === '/'
  if (PSEUDO_TYPES.has(type)) return false
  return type !== 'tmpfs' || !TRANSIENT_PATHS.test(mountPoint)
}

function isBetter(mount: MountInformation, rival: MountInformation): boolean {
  if ((mount.directory === '/') !== (rival.directory === '/')) return mount.directory === '/'
  return mount.mountPoint.length < rival.mountPoint.length
}

/** One line of `/proc/<pid>/mountinfo`. proc_pid_mountinfo(5) */
export interface MountInformation {
  /** `major:minor` of the filesystem. Equal for all mounts of one filesystem. */
  readonly filesystem: string
  /** The folder of the filesystem that is mounted: `/`, or another for a bind mount. */
  readonly folder: string
  readonly mountPoint: string
  readonly type: string
  readonly device: string
  readonly readOnly: boolean
}

/** Reads `/proc/<pid>/mountinfo`. */
export function parseMountInformation(text: string): MountInformation[] {
  return text.split('\n').flatMap((line) => {
    const [mount = '', filesystem] = line.split(' - ', 2)
    const [, , number, folder, mountPoint, mountOptions] = mount.split(' ')
    const [type, device, superOptions] = filesystem?.split(' ') ?? []
    if (number === undefined || folder === undefined || mountPoint === undefined || type === undefined) return []
    return [
      {
        filesystem: number,
        folder: unescapeOctal(folder),
        mountPoint: unescapeOctal(mountPoint),
        type,
        device: unescapeOctal(device ?? type),
        readOnly: isReadOnly(mountOptions) || isReadOnly(superOptions),
      },
    ]
  })
}

/**
 * A mount can be read-only by itself, and its filesystem can be: after an error, only the latter. Since Linux 6.15, ext4
 * then says `emergency_ro` instead of `ro`.
 */
function isReadOnly(options: string | undefined): boolean {
  return /(?:^|,)(?:ro|emergency_ro|shutdown)(?:,|$)/.test(options ?? '')
}

function unescapeOctal(text: string): string {
  if (!text.includes('\\')) return text
  return text.replaceAll(/\\([0-7]{3})/g, (_escape, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
}

/** Filesystems that hold no one's data, or are always full by construction (images). */
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

/** Where container runtimes, login sessions and control groups mount one `tmpfs` after the other. */
const TRANSIENT_PLACES =
  /^\/(?:sys|run\/(?:user|credentials|docker|containerd|netns)|var\/lib\/(?:docker|containers|containerd|kubelet)|var\/run\/docker)\//

/**
 * The mounts that stand for a filesystem with data: each filesystem once, at its own root where that is mounted, and only
 * where no later mount hides it. An `overlay` counts where it is the root.
 */
export function selectFilesystems(mounts: readonly MountInformation[]): MountInformation[] {
  const visible = new Map(mounts.map((mount) => [mount.mountPoint, mount]))
  const chosen = new Map<string, MountInformation>()
  for (const mount of visible.values()) {
    if (!isReal(mount)) continue
    const rival = chosen.get(mount.filesystem)
    if (rival === undefined || isBetter(mount, rival)) chosen.set(mount.filesystem, mount)
  }
  return [...chosen.values()]
}

function isReal({ type, mountPoint }: MountInformation): boolean {
  if (type === 'overlay') return mountPoint === '/'
  if (PSEUDO_TYPES.has(type)) return false
  return type !== 'tmpfs' || !TRANSIENT_PLACES.test(mountPoint)
}

function isBetter(mount: MountInformation, rival: MountInformation): boolean {
  if ((mount.folder === '/') !== (rival.folder === '/')) return mount.folder === '/'
  return mount.mountPoint.length < rival.mountPoint.length
}

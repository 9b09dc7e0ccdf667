/** One line of `/proc/<pid>/mountinfo`. proc_pid_mountinfo(5) */
export interface MountInformation {
  readonly id: string
  /** Id of the mount that holds the mount point. */
  readonly parent: string
  /** `major:minor` of the filesystem, equal for all its mounts. */
  readonly filesystem: string
  /** Directory of the filesystem that is mounted: `/`, or another one for a bind mount. */
  readonly directory: string
  readonly mountPoint: string
  /** The path, if its name is not UTF-8. */
  readonly mountPointBytes?: Buffer
  readonly type: string
  readonly device: string
  /** The mount or its filesystem is read-only. */
  readonly readOnly: boolean
  readonly filesystemReadOnly: boolean
  /** Ext4 that becomes read-only after an error (`errors=remount-ro`). */
  readonly endsWritingOnError: boolean
}

/** @param text one character for each byte (`latin1`), since names may have any encoding */
export function parseMountInformation(text: string): MountInformation[] {
  const mounts = text.split('\n').flatMap((line) => {
    const [mount = '', filesystem] = line.split(' - ', 2)
    const [id = '', parent = '', number, directory, mountPoint, mountOptions] = mount.split(' ')
    const [type, device, superOptions] = filesystem?.split(' ') ?? []
    if (number === undefined || directory === undefined || mountPoint === undefined || type === undefined) return []
    return [
      {
        id,
        parent,
        filesystem: number,
        directory: decodeName(directory).text,
        ...decodeMountPoint(mountPoint),
        type: decodeName(type).text,
        device: decodeName(device ?? type).text,
        isMountReadOnly: isReadOnly(mountOptions),
        filesystemReadOnly: isReadOnly(superOptions),
        endsWritingOnError: type === 'ext4' && /(?:^|,)errors=remount-ro(?:,|$)/.test(superOptions ?? ''),
      },
    ]
  })
  const root = mounts.findLast(({ mountPoint }) => mountPoint === '/')
  // systemd mounts everything read-only for a service with `ProtectSystem=strict`: only the filesystems are the host's.
  const isConfined = root?.isMountReadOnly === true && !root.filesystemReadOnly
  return mounts.map(({ isMountReadOnly, ...mount }) => ({
    ...mount,
    readOnly: mount.filesystemReadOnly || (isMountReadOnly && !isConfined),
  }))
}

/**
 * Checks the options of a mount or of its filesystem. After an error only those of the filesystem change: to `ro`,
 * or to `emergency_ro` for ext4 since Linux 6.15. Some kernels between change none: see `createExt4ErrorCheck`.
 */
function isReadOnly(options: string | undefined): boolean {
  return /(?:^|,)(?:ro|emergency_ro|shutdown)(?:,|$)/.test(options ?? '')
}

function decodeMountPoint(name: string): Pick<MountInformation, 'mountPoint' | 'mountPointBytes'> {
  const { text, bytes } = decodeName(name)
  return bytes === undefined ? { mountPoint: text } : { mountPoint: text, mountPointBytes: bytes }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Decodes a name of the table. Of a name that is not UTF-8, returns also its bytes, and `\xff` for a foreign byte. */
function decodeName(name: string): { readonly text: string; readonly bytes?: Buffer } {
  const unescaped = name.includes('\\')
    ? name.replaceAll(/\\([0-7]{3})/g, (_escape, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
    : name
  if (!/[\u0080-\u00ff]/.test(unescaped)) return { text: unescaped }
  const bytes = Buffer.from(unescaped, 'latin1')
  try {
    return { text: utf8.decode(bytes) }
  } catch {
    const escapeByte = (byte: string): string => `\\x${byte.charCodeAt(0).toString(16)}`
    return { text: unescaped.replaceAll(/[\u0080-\u00ff]/g, escapeByte), bytes }
  }
}

/** Filesystem types without user data, and image types, which are always full. */
export const PSEUDO_TYPES: ReadonlySet<string> = new Set([
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
  'fusectl',
  'hugetlbfs',
  'iso9660',
  'mqueue',
  'nsfs',
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

/** Filesystems that show files of other filesystems. Only the root of a container is worth a report. */
const UNION_TYPE = /^(?:aufs|overlay|shiftfs|fuse\.(?:fuse-overlayfs|overlayfs|unionfs-fuse))$/

/** Images that a program of the user shows as a filesystem, which are always full. */
const IMAGE_TYPE =
  /^fuse\.(?:.*\.appimage|archivemount|dwarfs|erofsfuse|fuse-archive|fuseiso|snapfuse|squashfuse(?:_ll)?)$/i

/** Mount point of an AppImage, whatever its file is called. */
const APP_IMAGE_PATH = /\/\.mount_[^/]+$/

/**
 * Paths at which container runtimes, login sessions and control groups mount many short-lived `tmpfs`: their usual
 * folders, and below any folder the names of shared memory and of volumes, and the ids of containers, pods and tasks.
 */
const TRANSIENT_PATH = new RegExp(
  [
    '^/sys/',
    '^/(?:var/)?run/(?:user|credentials|docker|containerd|containers|crio|incus|k3s|lxd|netns|podman|rke2|snapd)/',
    '^/var/lib/(?:docker|containers|containerd|kubelet|incus|lxc|lxd)/',
    '^/var/snap/(?:docker|lxd|microk8s)/',
    '/(?:containers|overlay-containers|sandboxes)/[^/]+/(?:[^/]+/)?shm$',
    '/pods/[^/]+/(?:volumes/[^/]+~[^/]+|volume-subpaths)/',
    '[0-9a-f]{32}',
    '[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}',
  ].join('|'),
)

/**
 * Selects one mount per filesystem with data, preferably the mount of the filesystem's own root. Skips mounts that
 * another mount hides, mounts of single files, and every `overlay` except the root.
 *
 * @param isFile returns whether a mount point is a file. Called only for bind mounts that would be selected
 */
export function selectFilesystems(
  mounts: readonly MountInformation[],
  isFile: (mount: MountInformation) => boolean = () => false,
): MountInformation[] {
  const visible = new Map(withoutHidden(mounts).map((mount) => [mount.mountPoint, mount]))
  const chosen = new Map<string, MountInformation>()
  for (const mount of visible.values()) {
    if (!holdsData(mount)) continue
    const rival = chosen.get(mount.filesystem)
    if (rival !== undefined && !isBetter(mount, rival)) continue
    if (mount.directory === '/' || !isFile(mount)) chosen.set(mount.filesystem, mount)
  }
  return [...chosen.values()]
}

/**
 * Leaves out mounts below the mount point of a later mount with the same parent: a path leads to the later one. Also
 * leaves out those whose parent is hidden.
 */
function withoutHidden(mounts: readonly MountInformation[]): MountInformation[] {
  const indexes = new Map(mounts.map((mount, index) => [`${mount.parent} ${mount.mountPoint}`, index]))
  const byId = new Map(mounts.map((mount, index) => [mount.id, { mount, index }]))
  const known = new Map<string, boolean>()
  const isCovered = ({ parent, mountPoint }: MountInformation, index: number): boolean => {
    for (let end = mountPoint.lastIndexOf('/'); end > 0; end = mountPoint.lastIndexOf('/', end - 1))
      if ((indexes.get(`${parent} ${mountPoint.slice(0, end)}`) ?? -1) > index) return true
    return false
  }
  const isHidden = (mount: MountInformation, index: number): boolean => {
    if (isCovered(mount, index)) return true
    const parent = byId.get(mount.parent)
    return parent !== undefined && isParentHidden(parent.mount, parent.index)
  }
  const isParentHidden = (mount: MountInformation, index: number): boolean => {
    const cached = known.get(mount.id)
    if (cached !== undefined) return cached
    known.set(mount.id, false)
    const hidden = isHidden(mount, index)
    known.set(mount.id, hidden)
    return hidden
  }
  return mounts.filter((mount, index) => !isHidden(mount, index))
}

function holdsData({ type, mountPoint, readOnly }: MountInformation): boolean {
  if (UNION_TYPE.test(type)) return mountPoint === '/'
  if (PSEUDO_TYPES.has(type) || IMAGE_TYPE.test(type)) return false
  if (type.startsWith('fuse.') && readOnly && APP_IMAGE_PATH.test(mountPoint)) return false
  return type !== 'tmpfs' || !TRANSIENT_PATH.test(mountPoint)
}

function isBetter(mount: MountInformation, rival: MountInformation): boolean {
  if ((mount.directory === '/') !== (rival.directory === '/')) return mount.directory === '/'
  return mount.mountPoint.length < rival.mountPoint.length
}

import { BUSYBOX_IMAGE } from './busybox-image.ts'
import { docker } from './docker-cli.ts'

/** The image of the container that holds a pod's network. */
export const PAUSE_IMAGE = 'pause:local'

/** Ends at once when it is told to, which a first process does not do by itself. */
const SCRIPT = `trap 'exit 0' TERM INT; while :; do sleep 86400 & wait $!; done`

/** Gives the engine the image, made of `busybox:local`. */
export async function makePauseImage(dockerHost: string): Promise<void> {
  const container = await docker(dockerHost, ['create', BUSYBOX_IMAGE])
  const entrypoint = `ENTRYPOINT ${JSON.stringify(['sh', '-c', SCRIPT])}`
  await docker(dockerHost, ['commit', '--change', entrypoint, '--change', 'CMD []', container, PAUSE_IMAGE])
  await docker(dockerHost, ['rm', container])
}

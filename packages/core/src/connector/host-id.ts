import { createHash } from 'node:crypto'

/**
 * The id of the `host` entity of a machine, from the id that its operating system gives it (on Linux `/etc/machine-id`,
 * which containers and Kubernetes see as well): whichever connector meets a machine, it is the same entity. There is no
 * way back to the machine's own id, which systemd asks to keep confidential (machine-id(5)).
 */
export function hostId(machineId: string): string {
  return createHash('sha256').update(`rca/host:${machineId}`).digest('hex').slice(0, 32)
}

import { createHash } from 'node:crypto'

/**
 * Returns the id of a machine's `host` entity. Every connector gets the same id for the same machine, because it is
 * derived from the operating system's machine id (on Linux `/etc/machine-id`, which containers and Kubernetes see as
 * well). One-way: systemd asks to keep the machine id itself confidential (machine-id(5)).
 */
export function hostId(machineId: string): string {
  return createHash('sha256').update(`rca/host:${machineId}`).digest('hex').slice(0, 32)
}

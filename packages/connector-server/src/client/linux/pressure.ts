import type { PressureReading } from '../server-client.ts'

/**
 * Reads one file of `/proc/pressure`. Documentation/accounting/psi.rst
 *
 * `full` of `cpu` is left out: it has no meaning for a whole machine, and kernels since 5.13 report 0 there.
 */
export function parsePressure(resource: string, text: string): PressureReading[] {
  return [...text.matchAll(/^(some|full) avg10=([\d.]+) .*total=(\d+)$/gm)].flatMap(([, kind, average, total]) => {
    if (resource === 'cpu' && kind === 'full') return []
    return [{ resource, kind: kind as 'some' | 'full', share: Number(average) / 100, total: Number(total) / 1e6 }]
  })
}

import type { PressureReading } from '../server-client.ts'
import { kernelNumber } from './kernel-number.ts'
import type { RootReader } from './root-reader.ts'

/** Reads pressure stall information. Empty where the kernel has none. */
export function readPressure(reader: RootReader): PressureReading[] {
  return ['cpu', 'io', 'memory', 'irq'].flatMap((resource) =>
    parsePressure(resource, reader.optionalText(`proc/pressure/${resource}`) ?? ''),
  )
}

/**
 * Parses a file of `/proc/pressure`. Documentation/accounting/psi.rst. Leaves out `full` of `cpu`, which has no meaning
 * for a whole machine; kernels since 5.13 report 0 there.
 */
export function parsePressure(resource: string, text: string): PressureReading[] {
  return [...text.matchAll(/^(some|full) avg10=([\d.]+) .*total=(\d+)$/gm)].flatMap(([, kind, average, total]) => {
    if (resource === 'cpu' && kind === 'full') return []
    const [percent, microseconds] = [Number(average), kernelNumber(total ?? '')]
    return [
      {
        resource,
        kind: kind as 'some' | 'full',
        // Rounding takes the kernel above 100 % for a moment.
        share: Number.isNaN(percent) ? undefined : Math.min(1, percent / 100),
        total: microseconds === undefined ? undefined : microseconds / 1e6,
      },
    ]
  })
}

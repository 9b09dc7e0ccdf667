import { createHash } from 'node:crypto'
import { globSync, readFileSync, statSync } from 'node:fs'
import { join, posix, sep } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { pack } from 'tar-stream'
import { parse, stringify } from 'yaml'
import { z } from 'zod'

/** A chart in the form in which a Helm repository serves it. */
export interface PackedChart {
  /** `agent-0.1.0.tgz` */
  readonly fileName: string
  readonly archive: Buffer
  /** The repository's `index.yaml`, which lists only this chart. */
  readonly index: string
}

/** Fields of `Chart.yaml` that the index requires. Other fields are copied unchanged. */
const chartSchema = z.looseObject({ name: z.string(), version: z.string() })

/** One time for all files and the index, so that the same chart has the same digest wherever it is packed. */
const TIME = new Date(0)

/**
 * Packs a chart's folder and writes the index of a repository that contains only this chart
 * (helm.sh/docs/topics/chart_repository). The same files produce the same bytes.
 *
 * @throws {Error} when the folder or its `Chart.yaml` cannot be read.
 */
export async function packChart(folder: string): Promise<PackedChart> {
  const chart = chartSchema.parse(parse(readFileSync(join(folder, 'Chart.yaml'), 'utf8')))
  const archive = await archiveOf(folder, chart.name)
  const fileName = `${chart.name}-${chart.version}.tgz`
  const time = TIME.toISOString()
  const entry = {
    ...chart,
    // Relative to the index, so that the repository may have any address.
    urls: [fileName],
    digest: createHash('sha256').update(archive).digest('hex'),
    created: time,
  }
  return {
    fileName,
    archive,
    index: stringify({ apiVersion: 'v1', entries: { [chart.name]: [entry] }, generated: time }),
  }
}

/** Archives all files below a folder named after the chart, except files and folders whose names begin with a dot. */
async function archiveOf(folder: string, name: string): Promise<Buffer> {
  const files = globSync('**/*', { cwd: folder })
    .filter((path) => path.split(sep).every((part) => !part.startsWith('.')) && statSync(join(folder, path)).isFile())
    .map((path) => path.replaceAll(sep, '/'))
    .sort()
  const tar = pack()
  for (const file of files)
    tar.entry({ name: posix.join(name, file), mode: 0o644, mtime: TIME }, readFileSync(join(folder, file)))
  tar.finalize()
  const archive = gzipSync(await buffer(tar), { level: 9 })
  // zlib writes the operating system into this byte (RFC 1952, 2.3.1); 255 is "unknown".
  archive[9] = 255
  return archive
}

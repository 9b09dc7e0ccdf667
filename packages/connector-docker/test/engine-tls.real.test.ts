import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import type { Report } from '@rca/core/protocol'
import {
  hasProgram,
  makeCertificates,
  missingForPrivateEngine,
  type PrivateEngine,
  removePrivateEngine,
  run,
  startPrivateEngine,
} from '@rca/rig'
import { realDescribe } from '@rca/rig/real'
import { afterAll, beforeAll, expect, test } from 'vitest'

const absence = (await hasProgram('openssl'))
  ? await missingForPrivateEngine(['--tlsverify'])
  : { missing: '`openssl` is not installed' }

const ADDRESS = 'tcp://127.0.0.1:2376'

realDescribe('docker connector: TLS', absence, () => {
  const folder = mkdtempSync('/tmp/rca-tls-')
  const certificates = join(folder, 'certificates')
  let engine: PrivateEngine

  /** Address in the engine's network. */
  const collect = async (config: Readonly<Record<string, unknown>>): Promise<Report> => {
    const network = [`--net=/proc/${engine.pid}/ns/net`, process.execPath, '--conditions=@rca/source']
    const script = [`${import.meta.dirname}/collect-once.ts`, JSON.stringify({ docker_host: ADDRESS, ...config })]
    return JSON.parse(await run('nsenter', [...network, ...script])) as Report
  }

  beforeAll(async () => {
    await makeCertificates(certificates)
    const pem = (name: string): string => join(certificates, name)
    const tls = ['--tlsverify', `--tlscacert=${pem('ca.pem')}`, `--tlscert=${pem('cert.pem')}`]
    const flags = ['--host', ADDRESS, ...tls, `--tlskey=${pem('key.pem')}`]
    engine = await startPrivateEngine({ folder, flags })
  }, 120_000)
  afterAll(() => removePrivateEngine(engine, folder), 120_000)

  test('collects with the certificates of the Docker CLI', async () => {
    const { data } = await collect({ docker_tls_verify: '1', docker_cert_path: certificates })
    expect(data.gaps).toEqual([])
    expect(data.entities.map(({ type }) => type)).toContain('docker.engine')
  })

  test.each([
    ['no certificate is given', {}, /HTTPS|TLS|400/],
    [
      'there is none in the folder',
      { docker_tls_verify: true, docker_cert_path: '/nowhere' },
      /`docker_cert_path`: \/nowhere\/ca\.pem/,
    ],
  ])('rejects with the reason when %s', async (_what, config, reason) => {
    await expect(collect(config)).rejects.toThrow(reason)
  })
})

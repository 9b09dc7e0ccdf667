import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './run.ts'

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

/** What a certificate says. */
export interface CertificateOptions {
  /** Such as `/O=system:masters/CN=admin`. */
  readonly subject: string
  readonly uses: 'serverAuth' | 'clientAuth' | 'serverAuth,clientAuth'
  /** Whom it is for, such as `IP:127.0.0.1`. */
  readonly names?: readonly string[]
}

/** An authority, and one certificate that serves both sides: `ca.pem`, `cert.pem`, `key.pem`. For 127.0.0.1, valid for two days. Needs openssl. */
export async function makeCertificates(folder: string): Promise<void> {
  await makeAuthority(folder)
  const options = { subject: '/CN=engine', uses: 'serverAuth,clientAuth', names: ['IP:127.0.0.1'] } as const
  await makeCertificate(folder, { certificate: 'cert.pem', key: 'key.pem' }, options)
}

/** `ca.pem` and `ca-key.pem`, valid for two days. Needs openssl. */
export async function makeAuthority(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const files = ['-keyout', 'ca-key.pem', '-out', 'ca.pem']
  await run('openssl', ['req', '-x509', ...KEY, ...files, '-subj', '/CN=ca', '-days', '2'], { cwd: folder })
}

/** A certificate of the authority in the same folder, valid for two days. */
export async function makeCertificate(
  folder: string,
  files: { readonly certificate: string; readonly key: string },
  { subject, uses, names = [] }: CertificateOptions,
): Promise<void> {
  const request = `${files.key}.request`
  const extensions = `${files.key}.extensions`
  await run('openssl', ['req', ...KEY, '-keyout', files.key, '-out', request, '-subj', subject], { cwd: folder })
  const alternatives = names.length > 0 ? [`subjectAltName=${names.join(',')}`] : []
  writeFileSync(join(folder, extensions), [...alternatives, `extendedKeyUsage=${uses}`, ''].join('\n'))
  // A number of its own, so that several can be made at the same time.
  const serial = `0x${randomBytes(8).toString('hex')}`
  const authority = ['-CA', 'ca.pem', '-CAkey', 'ca-key.pem', '-set_serial', serial, '-days', '2']
  const words = ['-req', '-in', request, ...authority, '-out', files.certificate, '-extfile', extensions]
  await run('openssl', ['x509', ...words], { cwd: folder })
}

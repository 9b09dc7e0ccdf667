import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './run.ts'

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

/** Creates `ca.pem`, and `cert.pem` and `key.pem` of 127.0.0.1 for both sides, valid for two days. Needs openssl. */
export async function makeCertificates(directory: string): Promise<void> {
  await makeAuthority(directory)
  const files = { certificate: 'cert.pem', key: 'key.pem' }
  await makeCertificate(directory, files, '/CN=engine', 'serverAuth,clientAuth', ['IP:127.0.0.1'])
}

/** Creates `ca.pem` and `ca-key.pem`, valid for two days. Needs openssl. */
export async function makeAuthority(directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const files = ['-keyout', 'ca-key.pem', '-out', 'ca.pem']
  await run('openssl', ['req', '-x509', ...KEY, ...files, '-subj', '/CN=ca', '-days', '2'], { cwd: directory })
}

/** Creates a certificate of the authority in the directory, valid for two days. A name is such as `IP:127.0.0.1`. */
export async function makeCertificate(
  directory: string,
  files: { readonly certificate: string; readonly key: string },
  subject: string,
  uses: 'serverAuth' | 'clientAuth' | 'serverAuth,clientAuth',
  names: readonly string[] = [],
): Promise<void> {
  const request = `${files.key}.request`
  const extensions = `${files.key}.extensions`
  await run('openssl', ['req', ...KEY, '-keyout', files.key, '-out', request, '-subj', subject], { cwd: directory })
  const alternatives = names.length > 0 ? [`subjectAltName=${names.join(',')}`] : []
  writeFileSync(join(directory, extensions), [...alternatives, `extendedKeyUsage=${uses}`, ''].join('\n'))
  // A random serial number, so that several certificates can be created at the same time.
  const serial = `0x${randomBytes(8).toString('hex')}`
  const authority = ['-CA', 'ca.pem', '-CAkey', 'ca-key.pem', '-set_serial', serial, '-days', '2']
  const args = ['-req', '-in', request, ...authority, '-out', files.certificate, '-extfile', extensions]
  await run('openssl', ['x509', ...args], { cwd: directory })
}

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

/**
 * Creates `cert.pem`, which signs itself, and `key.pem`. Needs openssl.
 *
 * @param name such as `IP:127.0.0.1`
 * @param days when it is valid, in days from now
 */
export async function makeSelfSignedCertificate(
  directory: string,
  name: string,
  days: { readonly from: number; readonly to: number } = { from: -1, to: 1 },
): Promise<void> {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const authority = ['database=index', 'new_certs_dir=.', 'policy=policy', 'default_md=sha256', 'rand_serial=yes']
  const sections = { ca: ['default_ca=self'], self: [...authority, 'x509_extensions=extensions'] }
  const others = { policy: ['CN=supplied'], extensions: [`subjectAltName=${name}`] }
  const lines = Object.entries({ ...sections, ...others }).flatMap(([section, lines]) => [`[${section}]`, ...lines])
  writeFileSync(join(directory, 'ca.conf'), `${lines.join('\n')}\n`)
  writeFileSync(join(directory, 'index'), '')
  const request = ['-keyout', 'key.pem', '-subj', '/CN=platform', '-out', 'request.pem']
  await run('openssl', ['req', ...KEY, ...request], { cwd: directory })
  // `openssl x509` takes dates only since version 3.4.
  const now = Date.now()
  const dates = ['-startdate', dateAfter(now, days.from), '-enddate', dateAfter(now, days.to)]
  const files = ['-keyfile', 'key.pem', '-in', 'request.pem', '-out', 'cert.pem']
  const options = ['-batch', '-selfsign', '-notext', '-config', 'ca.conf']
  await run('openssl', ['ca', ...options, ...dates, ...files], { cwd: directory })
}

/** Returns the time some days after `start`, as `openssl ca` reads it: `20260131120000Z`. */
function dateAfter(start: number, days: number): string {
  return `${new Date(start + days * 86_400_000).toISOString().replaceAll(/[-:T]|\..*/g, '')}Z`
}

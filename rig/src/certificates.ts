import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './run.ts'

/** An authority, and one certificate that serves both sides: `ca.pem`, `cert.pem`, `key.pem`. For 127.0.0.1, valid for two days. Needs openssl. */
export async function makeCertificates(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const openssl = (...words: string[]): Promise<string> => run('openssl', words, { cwd: folder })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  await openssl('req', '-x509', ...key, '-keyout', 'ca-key.pem', '-out', 'ca.pem', '-subj', '/CN=ca', '-days', '2')
  await openssl('req', ...key, '-keyout', 'key.pem', '-out', 'request.pem', '-subj', '/CN=engine')
  writeFileSync(join(folder, 'extensions'), 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n')
  const authority = ['-CA', 'ca.pem', '-CAkey', 'ca-key.pem', '-CAcreateserial', '-days', '2']
  await openssl('x509', '-req', '-in', 'request.pem', ...authority, '-out', 'cert.pem', '-extfile', 'extensions')
}

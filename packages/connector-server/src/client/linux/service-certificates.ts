import type { X509Certificate } from 'node:crypto'
import { connect } from 'node:tls'
import type { ListeningPort, ServiceCertificate } from '../server-client.ts'

/** Time that a program has to show its certificate, in milliseconds. */
const HANDSHAKE_TIMEOUT_MS = 5_000

/** Maximum number of alternative names of a certificate. */
const MAX_NAMES = 20

/**
 * Asks the programs behind ports of this host for their certificates, one after the other. Leaves out those that do not
 * speak TLS or do not answer.
 */
export async function readServiceCertificates(
  ports: readonly ListeningPort[],
  signal: AbortSignal,
): Promise<ServiceCertificate[]> {
  const certificates: ServiceCertificate[] = []
  for (const port of ports) {
    const certificate = await readCertificate(addressOf(port), port.port, signal)
    signal.throwIfAborted()
    if (certificate !== undefined) certificates.push({ ...toServiceCertificate(certificate), port })
  }
  return certificates
}

/** Returns an address at which this host reaches a port. */
function addressOf({ addresses }: ListeningPort): string {
  const [address = '127.0.0.1'] = addresses
  if (addresses.includes('0.0.0.0') || addresses.includes('127.0.0.1')) return '127.0.0.1'
  return address === '::' ? '::1' : address
}

/** Shakes hands, and closes the connection as soon as the certificate is known. */
function readCertificate(host: string, port: number, signal: AbortSignal): Promise<X509Certificate | undefined> {
  return new Promise((resolve) => {
    // The certificate is only looked at: also an old server and an expired certificate are of interest.
    const socket = connect({
      host,
      port,
      rejectUnauthorized: false,
      minVersion: 'TLSv1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    })
    const end = (): void => {
      signal.removeEventListener('abort', end)
      clearTimeout(timer)
      let certificate: X509Certificate | undefined
      try {
        // A server that wants the certificate of its client fails after it has sent its own.
        certificate = socket.getPeerX509Certificate()
      } catch {
        // The handshake did not come so far.
      }
      socket.on('error', () => undefined)
      socket.destroy()
      resolve(certificate)
    }
    const timer = setTimeout(end, HANDSHAKE_TIMEOUT_MS)
    signal.addEventListener('abort', end, { once: true })
    socket.once('secureConnect', end)
    socket.once('error', end)
    socket.once('close', end)
  })
}

function toServiceCertificate(certificate: X509Certificate): Omit<ServiceCertificate, 'port'> {
  return {
    hash: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    names: (certificate.subjectAltName ?? '').split(', ').filter(Boolean).slice(0, MAX_NAMES),
    notBefore: new Date(certificate.validFrom),
    notAfter: new Date(certificate.validTo),
  }
}

/** A distinguished name has a line for each part. */
function oneLine(name: string | undefined): string {
  return (name ?? '').split('\n').filter(Boolean).join(', ')
}

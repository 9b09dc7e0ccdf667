import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import type { FastifyBaseLogger } from 'fastify'
import { OptionsError } from '../options/api-options.ts'

/** Time between two looks at the files. Short, since a look reads two small files. */
const CHECK_INTERVAL_MS = 2000

/** Absolute paths of PEM files: a certificate with its chain, and its private key. */
export interface CertificateFiles {
  readonly cert: string
  readonly key: string
}

/** A certificate with its chain, and its private key, in PEM. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/**
 * Reads a pair and checks that it can be served.
 *
 * @throws {OptionsError} naming the file and the reason, never the key.
 */
export async function readCertificate(files: CertificateFiles): Promise<Certificate> {
  const cert = await read('RCA_TLS_CERT', files.cert)
  const key = await read('RCA_TLS_KEY', files.key)
  const certificate = parse('RCA_TLS_CERT', files.cert, 'a PEM certificate', () => new X509Certificate(cert))
  const privateKey = parse('RCA_TLS_KEY', files.key, 'a PEM private key without a passphrase', () =>
    createPrivateKey(key),
  )
  if (!certificate.checkPrivateKey(privateKey))
    throw new OptionsError(
      `The key \`${files.key}\` (\`RCA_TLS_KEY\`) does not belong to the certificate \`${files.cert}\` (\`RCA_TLS_CERT\`). Write both of one pair.`,
    )
  parse('RCA_TLS_CERT', files.cert, 'certificates that TLS accepts', () => createSecureContext({ cert, key }))
  return { cert, key }
}

/** A server whose certificate can be replaced while it runs. New connections get the new one. */
export interface CertificateHolder {
  setSecureContext(certificate: Certificate): void
}

/** Serves a changed pair without a restart. */
export interface CertificateReload {
  start(): void
  /** Looks at the files once. A pair that cannot be served leaves the previous one in use. */
  check(): Promise<void>
  stop(): void
}

export function createCertificateReload(
  server: CertificateHolder,
  files: CertificateFiles,
  first: Certificate,
  log: FastifyBaseLogger,
): CertificateReload {
  let served = first
  let failure: string | undefined
  let timer: NodeJS.Timeout | undefined
  let checking: Promise<void> | undefined
  const reload = async (): Promise<void> => {
    try {
      const found = await readCertificate(files)
      failure = undefined
      if (found.cert === served.cert && found.key === served.key) return
      server.setSecureContext(found)
      served = found
      logCertificate(found, log)
    } catch (error) {
      const { message: reason } = error as Error
      if (reason !== failure) log.error({ reason }, 'certificate not reloaded: the previous one stays in use')
      failure = reason
    }
  }
  const check = (): Promise<void> => {
    checking ??= reload().finally(() => {
      checking = undefined
    })
    return checking
  }
  return {
    check,
    start: () => {
      timer ??= setInterval(() => void check(), CHECK_INTERVAL_MS).unref()
    },
    stop: () => clearInterval(timer),
  }
}

/** Logs the served certificate, as a warning when it has expired. */
export function logCertificate({ cert }: Certificate, log: FastifyBaseLogger, now = Date.now()): void {
  const { subject, validTo, fingerprint256 } = new X509Certificate(cert)
  const valid_until = new Date(validTo)
  const fields = { subject, valid_until: valid_until.toISOString(), fingerprint: fingerprint256 }
  if (valid_until.getTime() <= now) log.warn(fields, 'certificate has expired: agents refuse it')
  else log.info(fields, 'certificate loaded')
}

async function read(variable: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new OptionsError(
      `The file \`${path}\` (\`${variable}\`) cannot be read (${code}). Check its path and permissions.`,
    )
  }
}

function parse<Parsed>(variable: string, path: string, expected: string, run: () => Parsed): Parsed {
  try {
    return run()
  } catch {
    throw new OptionsError(`The file \`${path}\` (\`${variable}\`) does not contain ${expected}.`)
  }
}

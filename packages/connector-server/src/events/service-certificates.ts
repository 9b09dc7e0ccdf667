import { type Event, event, openCursor, type Watcher } from '@rca/core/connector'
import { z } from 'zod'
import type { ServerClient, ServiceCertificate } from '../client/server-client.ts'
import { processAttributes } from '../entities.ts'

const certificateAttributes = {
  'network.local.port': 'The TCP port.',
  'network.local.addresses': 'Addresses on which the program listens.',
  ...processAttributes,
  'tls.server.subject': 'Subject of the certificate.',
  'tls.server.issuer': 'Issuer of the certificate.',
  'tls.server.not_before': 'When the certificate becomes valid. ISO 8601, UTC.',
  'tls.server.not_after': 'When the certificate expires. ISO 8601, UTC.',
  'tls.server.hash.sha256': 'SHA-256 of the certificate.',
  'server.certificate.names': 'Names for which the certificate is valid, at most 20.',
}

export const certificateSignals = {
  hostCertificateExpires: event({
    name: 'host.certificate_expires',
    severity: 'warning',
    description:
      'The certificate of a program that listens on one of the `certificate_ports` expires within 14 days, or within a sixth of its lifetime if that is shorter.',
    attributes: certificateAttributes,
  }),
  hostCertificateExpired: event({
    name: 'host.certificate_expired',
    severity: 'error',
    description: 'The certificate of a program that listens on one of the `certificate_ports` has expired.',
    attributes: certificateAttributes,
  }),
  hostCertificateRenewed: event({
    name: 'host.certificate_renewed',
    severity: 'info',
    description: 'A program whose certificate was reported has another one, which is valid for longer.',
    attributes: certificateAttributes,
  }),
}

/** Port → what was reported last about its certificate. */
const cursorSchema = z.record(z.string(), z.object({ hash: z.string(), level: z.enum(['expires', 'expired']) }))
type Reported = z.output<typeof cursorSchema>

const DAY_MS = 86_400_000

/** Time before its end at which a certificate is reported: programs that renew one do so earlier. */
const MAX_WARNING_MS = 14 * DAY_MS
const WARNING_SHARE = 1 / 6

/**
 * Reports certificates of listening programs that expire, have expired, and are renewed. Looks every hour. The first
 * run of an agent also reports certificates that have expired already.
 */
export const serviceCertificates: Watcher<ServerClient> = {
  async watch(client, context) {
    const cursor = openCursor(cursorSchema, context)
    let reported: Reported = cursor.before ?? {}
    for (;;) {
      const certificates = await client.serviceCertificates(context.signal)
      if (certificates === undefined) return
      const now = context.now()
      const events: Event[] = []
      const next: Reported = await withoutClosedPorts(client, reported, certificates)
      for (const certificate of certificates) {
        const port = String(certificate.port.port)
        const before = reported[port]
        const level = levelOf(certificate, now)
        if (level === undefined) {
          // The same certificate expires later only after a step of the clock.
          if (before === undefined || before.hash === certificate.hash) continue
          delete next[port]
          events.push(toEvent(client, 'renewed', certificate, now))
          continue
        }
        next[port] = { hash: certificate.hash, level }
        if (before?.hash !== certificate.hash || before.level !== level)
          events.push(toEvent(client, level, certificate, now))
      }
      if (events.length > 0) context.emit({ events })
      reported = next
      await cursor.save(next)
      await context.sleep('1h')
    }
  },
}

/** Returns a copy without ports on which no program listens. A program that does not answer keeps its state. */
async function withoutClosedPorts(
  client: ServerClient,
  reported: Reported,
  certificates: readonly ServiceCertificate[],
): Promise<Reported> {
  const answered = new Set(certificates.map(({ port }) => String(port.port)))
  if (Object.keys(reported).every((port) => answered.has(port))) return { ...reported }
  const listening = new Set((await client.listeningPorts())?.map(({ port }) => String(port)))
  return Object.fromEntries(Object.entries(reported).filter(([port]) => answered.has(port) || listening.has(port)))
}

function levelOf({ notBefore, notAfter }: ServiceCertificate, now: Date): 'expires' | 'expired' | undefined {
  const left = notAfter.getTime() - now.getTime()
  if (left <= 0) return 'expired'
  const lifetime = notAfter.getTime() - notBefore.getTime()
  return left <= Math.min(MAX_WARNING_MS, lifetime * WARNING_SHARE) ? 'expires' : undefined
}

const DEFINITIONS = {
  expires: certificateSignals.hostCertificateExpires,
  expired: certificateSignals.hostCertificateExpired,
  renewed: certificateSignals.hostCertificateRenewed,
}

function toEvent(
  client: ServerClient,
  kind: keyof typeof DEFINITIONS,
  certificate: ServiceCertificate,
  at: Date,
): Event {
  const { port, subject, issuer, names, notBefore, notAfter, hash } = certificate
  const listener = port.process === undefined ? '' : ` (${port.process.name}, pid ${port.process.pid})`
  const what = `certificate of TCP port ${port.port} of ${client.machine.hostname}${listener}`
  const time = formatTime(Math.abs(notAfter.getTime() - at.getTime()))
  const day = notAfter.toISOString().slice(0, 10)
  const body = {
    expires: `The ${what} expires in ${time}, on ${day}: ${subject}`,
    expired: `The ${what} expired ${time} ago, on ${day}: ${subject}`,
    renewed: `The ${what} was renewed, and is valid until ${day}: ${subject}`,
  }[kind]
  return DEFINITIONS[kind].event({
    at,
    entity: client.machine.entity,
    body,
    attributes: {
      'network.local.port': port.port,
      'network.local.addresses': port.addresses,
      'process.pid': port.process?.pid,
      'process.executable.name': port.process?.name,
      'tls.server.subject': subject,
      'tls.server.issuer': issuer,
      'tls.server.not_before': notBefore.toISOString(),
      'tls.server.not_after': notAfter.toISOString(),
      'tls.server.hash.sha256': hash,
      'server.certificate.names': names,
    },
  })
}

function formatTime(milliseconds: number): string {
  const days = Math.floor(milliseconds / DAY_MS)
  if (days >= 2) return `${days} days`
  const hours = Math.floor(milliseconds / 3_600_000)
  return hours >= 2 ? `${hours} hours` : `${Math.ceil(milliseconds / 60_000)} minutes`
}

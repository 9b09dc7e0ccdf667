import type { Agent } from 'node:http'
import type { AgentOptions } from 'node:https'

/** What a request is allowed with. Holds secrets. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string>>
  /** Tells apart credentials that need connections of their own: those with other certificates. */
  readonly connection: string
  createAgent(options: ConnectionOptions): Promise<Agent> | Agent
}

/** How connections are opened and kept. */
export interface ConnectionOptions extends AgentOptions {
  /** Bytes that a socket reads ahead while nobody takes them. Known to `tls.connect`, which is given it. */
  readonly highWaterMark?: number
}

/** Where an API server is, and what it is spoken to with. */
export interface Access {
  readonly server: URL
  /** Namespace that is meant where none is named. */
  readonly namespace: string | undefined
  /** Reads what is valid now: tokens and certificates rotate. */
  credentials(): Promise<Credentials>
}

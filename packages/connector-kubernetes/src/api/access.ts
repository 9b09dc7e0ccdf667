import type { Agent } from 'node:http'
import type { AgentOptions } from 'node:https'

/** Credentials for requests. They hold secrets. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string>>
  /** Identifies the certificates: credentials with another value need new connections. */
  readonly connection: string
  createAgent(options: ConnectionOptions): Promise<Agent> | Agent
}

export interface ConnectionOptions extends AgentOptions {
  /** Bytes that a socket reads ahead. Passed on to `tls.connect`. */
  readonly highWaterMark?: number
}

/** The address of an API server, and how to authenticate. */
export interface Access {
  readonly server: URL
  /** Default namespace. */
  readonly namespace: string | undefined
  /** Returns the current credentials: tokens and certificates rotate. */
  credentials(): Promise<Credentials>
}

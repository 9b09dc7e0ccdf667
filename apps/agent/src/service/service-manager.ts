/** A file that defines the service. */
export interface ServiceFile {
  readonly path: string
  readonly mode: number
  readonly text: string
}

/** A program that starts services with the machine, such as systemd. Its methods reject with a `ServiceError`. */
export interface ServiceManager {
  readonly name: string
  /** Files to write before `enable`. */
  readonly files: readonly ServiceFile[]
  /** Reads the files again after they were removed. `enable` and `start` do so too. */
  reload(): Promise<void>
  /** Starts the service with the machine from now on. May be called again. */
  enable(): Promise<void>
  /** Does not start it with the machine any more. */
  disable(): Promise<void>
  /** Starts the service, or restarts it if it runs. */
  start(): Promise<void>
  /** Stops the service if it runs. */
  stop(): Promise<void>
  isRunning(): Promise<boolean>
  /**
   * Returns the last lines of the agent's log.
   *
   * @param since a journal omits older lines, in milliseconds since 1970
   */
  recentLog(since: number): Promise<string>
  /** Command that shows the agent's log. */
  readonly logCommand: string
  /** Replaces this process with the agent that it has started. Only the foreground has it. */
  readonly runHere?: () => Promise<void>
}

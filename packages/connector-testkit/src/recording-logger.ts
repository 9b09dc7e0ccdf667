import type { Logger } from '@rca/core'

/** One logged message. */
export interface LogLine {
  readonly level: keyof Logger
  readonly fields: Readonly<Record<string, unknown>>
  readonly message: string
}

/** A logger that keeps its lines. */
export interface RecordingLogger extends Logger {
  readonly lines: readonly LogLine[]
  /** Messages in order, of one level or of all. */
  messages(level?: keyof Logger): string[]
}

/** Returns a logger that keeps its lines and prints nothing. */
export function recordingLogger(): RecordingLogger {
  const lines: LogLine[] = []
  const record = (level: keyof Logger) => (fields: LogLine['fields'], message: string) =>
    void lines.push({ level, fields, message })
  return {
    lines,
    messages: (level) =>
      lines.filter((line) => level === undefined || line.level === level).map(({ message }) => message),
    debug: record('debug'),
    info: record('info'),
    warn: record('warn'),
    error: record('error'),
  }
}

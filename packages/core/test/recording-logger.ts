import type { Logger } from '../src/logger.ts'

/** One message that was logged. */
export interface Line {
  readonly level: keyof Logger
  readonly fields: Readonly<Record<string, unknown>>
  readonly message: string
}

/** A logger that keeps what it is told. */
export function recordingLogger(): Logger & { readonly lines: Line[]; messages(level?: keyof Logger): string[] } {
  const lines: Line[] = []
  const keep = (level: keyof Logger) => (fields: Line['fields'], message: string) =>
    void lines.push({ level, fields, message })
  return {
    lines,
    messages: (level) =>
      lines.filter((line) => level === undefined || line.level === level).map((line) => line.message),
    debug: keep('debug'),
    info: keep('info'),
    warn: keep('warn'),
    error: keep('error'),
  }
}

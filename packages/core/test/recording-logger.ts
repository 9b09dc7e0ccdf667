import type { Logger } from '../src/logger.ts'

/** One logged message. */
export interface Line {
  readonly level: keyof Logger
  readonly fields: Readonly<Record<string, unknown>>
  readonly message: string
}

/** Creates a logger that keeps its messages. */
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

import type { AddSpan } from './secret-spans.ts'
import { isHarmless } from './secret-values.ts'

/** A field with a value before that with its name: `{"value": "…", "name": "DB_PASSWORD"}`, in JSON or YAML. */
const VALUE_BEFORE =
  /["']?value["']?[ \t]{0,8}:[ \t]{0,8}(?:"((?:[^"\\\n]|\\.){1,512})"|'([^'\n]{1,512})'|([^\s"',{}]{1,512}))[ \t]{0,8},?\s{0,32}["']?name["']?[ \t]{0,8}:[ \t]{0,8}["']?$/d

const MAX_VALUE_BEFORE_LENGTH = 640

/** Reports the value of a field before its name. @param nameAt position of the name, which is secret */
export function reportPrecedingValue(text: string, nameAt: number, add: AddSpan): void {
  if (!/name["']?[ \t]{0,8}:[ \t]{0,8}["']?$/.test(text.slice(Math.max(0, nameAt - 24), nameAt))) return
  const from = Math.max(0, nameAt - MAX_VALUE_BEFORE_LENGTH)
  const before = text.slice(from, nameAt)
  const at = before.lastIndexOf('value')
  const match = at === -1 ? null : VALUE_BEFORE.exec(before.slice(Math.max(0, at - 1)))
  const [start, end] = match?.indices?.[1] ?? match?.indices?.[2] ?? match?.indices?.[3] ?? [0, 0]
  const offset = from + Math.max(0, at - 1)
  if (end > start && !isHarmless(text.slice(offset + start, offset + end))) add(offset + start, offset + end)
}

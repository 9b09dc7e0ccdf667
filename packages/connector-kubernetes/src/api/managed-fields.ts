/**
 * `managedFields` as a server writes them: a list with objects, but no lists, in it. As no text can contain its beginning, since quotes
 * are escaped within one. Each part begins with a character that the one before cannot end with, so that nothing is tried twice.
 */
const MANAGED_FIELDS = /"managedFields":\[[^"[\]]*(?:"[^"\\]*(?:\\.[^"\\]*)*"[^"[\]]*)*\]/g

/**
 * Parses what a server wrote of objects, without their `managedFields`: they are half of what it sends, and the half with most objects
 * in it. The engine finds their ends, as a loop here takes ten times as long as parsing does.
 */
export function parseWithoutManagers(text: string): unknown {
  return JSON.parse(text.replace(MANAGED_FIELDS, '"managedFields":[]'))
}

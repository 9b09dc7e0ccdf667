import type { EngineMessage } from './engine-message.ts'
import type { ContainerHistory } from './event-history.ts'

/** Attributes that the engine adds to some events of a container, and that a label of the same name replaces. */
const SHADOWED_NAMES = ['exitCode', 'signal', 'oldName'] as const

/** Events that have none of these attributes: one of these names in such an event is a label. */
const PLAIN_ACTIONS = new Set(['create', 'start'])

/**
 * Removes attributes that are labels of the container: the engine writes the labels over its own attributes. Returns
 * the message, whose exit code or signal is then unknown.
 */
export function withoutShadowedAttributes(
  message: EngineMessage,
  labels: Readonly<Record<string, string>> | undefined,
  history: ContainerHistory,
): EngineMessage {
  const { raw, action } = message
  // An inferred event has the attributes of the inspection.
  if (raw.isInferred === true) return message
  // Podman adds an exit code of its own to every event, which replaces the label.
  const isPlain = PLAIN_ACTIONS.has(action) && raw.attributes.containerExitCode === undefined
  for (const name of SHADOWED_NAMES) {
    const isLabel = isPlain && raw.attributes[name] !== undefined
    if (isLabel || labels?.[name] !== undefined) history.shadowed.add(name)
  }
  const names = SHADOWED_NAMES.filter((name) => history.shadowed.has(name) && raw.attributes[name] !== undefined)
  if (names.length === 0) return message
  const attributes = { ...raw.attributes }
  for (const name of names) delete attributes[name]
  return { ...message, raw: { ...raw, attributes } }
}

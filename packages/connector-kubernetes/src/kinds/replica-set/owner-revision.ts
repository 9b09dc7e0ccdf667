import type { KeyedHash } from '../../informer/object-store.ts'
import { fields, partsOf } from '../fields.ts'
import { intern } from '../intern.ts'
import { annotationOf, type HelmRelease, helmReleaseOf, type Owner } from '../metadata.ts'
import { HASH_LABELS, type PodTemplate, projectTemplate } from '../workload/pod-template.ts'

/** A template of a workload of a kind that is not cached, such as an Argo Rollout. Its ReplicaSet has the template. */
export interface OwnerRevision {
  readonly owner: Owner
  /** The largest number is the desired revision: a rollback gets a new number. */
  readonly number: number
  readonly template: PodTemplate
  /** The Helm release of the workload. */
  readonly helm: HelmRelease | undefined
}

/** Metadata that Argo adds to the pods of a ReplicaSet while it has a role, such as canary. */
const EPHEMERAL = 'rollout.argoproj.io/ephemeral-metadata'

/** Returns the owner's revision of a ReplicaSet, as its controller counts. */
export function revisionOf(raw: unknown, owner: Owner | undefined): string | undefined {
  const ofDeployment = annotationOf(raw, 'deployment.kubernetes.io/revision')
  // Controllers copy annotations of their workload: a Rollout made from a Deployment may still have that of it.
  return isOfDeployment(owner) ? ofDeployment : (annotationOf(raw, 'rollout.argoproj.io/revision') ?? ofDeployment)
}

/**
 * Returns `undefined` for a ReplicaSet of a Deployment, whose template is cached with the Deployment: a cluster keeps
 * ten old ReplicaSets of each. Returns `undefined` if the controller counts no revisions, too: its ReplicaSets may
 * exist side by side, as in an experiment.
 */
export function ownerRevisionOf(
  raw: unknown,
  owner: Owner | undefined,
  keyedHash: KeyedHash,
): OwnerRevision | undefined {
  if (owner === undefined || isOfDeployment(owner)) return undefined
  const number = Number(revisionOf(raw, owner))
  if (!Number.isSafeInteger(number)) return undefined
  const template = projectTemplate(partsOf(raw).spec.template, keyedHash)
  return { owner, number, template: internParts(withoutAdditions(template, raw)), helm: helmReleaseOf(raw) }
}

function isOfDeployment(owner: Owner | undefined): boolean {
  return owner?.kind === 'Deployment'
}

/** Removes the labels and annotations that the controller adds. */
function withoutAdditions(template: PodTemplate, raw: unknown): PodTemplate {
  const { labels, annotations } = parsed(annotationOf(raw, EPHEMERAL))
  return {
    ...template,
    labels: without(template.labels, [...HASH_LABELS, ...Object.keys(fields(labels))]),
    annotations: without(template.annotations, Object.keys(fields(annotations))),
  }
}

function parsed(text: string | undefined) {
  try {
    return fields(JSON.parse(text ?? '{}'))
  } catch {
    return fields(undefined)
  }
}

function without<Value>(values: Readonly<Record<string, Value>>, names: readonly string[]) {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !names.includes(name)))
}

/** Interns the parts of a template: revisions of a workload differ little, mostly in an image. */
function internParts(template: PodTemplate): PodTemplate {
  return {
    ...template,
    labels: intern(template.labels),
    annotations: intern(template.annotations),
    containers: template.containers.map((container) => ({
      ...container,
      environment: intern(container.environment),
      environmentFrom: intern(container.environmentFrom),
      environmentKeysFrom: intern(container.environmentKeysFrom),
      probes: intern(container.probes),
    })),
  }
}

import type { KeyedHash } from '../../informer/object-store.ts'
import { fields } from '../fields.ts'
import { intern } from '../intern.ts'
import { annotationOf, type HelmRelease, helmReleaseOf, type Owner } from '../metadata.ts'
import { type PodTemplate, projectTemplate } from '../workload/pod-template.ts'

/** One of the templates that a workload has had which cannot be seen itself, such as a Rollout of Argo: its ReplicaSet has it. */
export interface OwnerRevision {
  readonly owner: Owner
  /** The greatest is the one that is wanted: what is wanted again gets another number. */
  readonly number: number
  readonly template: PodTemplate
  /** Which release made the workload. */
  readonly helm: HelmRelease | undefined
}

const OF_DEPLOYMENT = 'deployment.kubernetes.io/revision'
const OF_ROLLOUT = 'rollout.argoproj.io/revision'

/** What Argo writes to the pods of a ReplicaSet as long as it plays a part, such as that of the canary. */
const EPHEMERAL = 'rollout.argoproj.io/ephemeral-metadata'

/** By which controllers tell the pods of their ReplicaSets apart. */
const HASHES = ['pod-template-hash', 'rollouts-pod-template-hash']

/** Which revision of its owner a ReplicaSet stands for, as its controller counts them. */
export function revisionOf(raw: unknown, owner: Owner | undefined): string | undefined {
  const ofDeployment = annotationOf(raw, OF_DEPLOYMENT)
  // Controllers copy annotations of their workload: what was made a Rollout of may still have one of the Deployment.
  return isOfDeployment(owner) ? ofDeployment : (annotationOf(raw, OF_ROLLOUT) ?? ofDeployment)
}

/**
 * `undefined` for a ReplicaSet of a Deployment, whose template is known from the Deployment: a cluster keeps ten old ones of each.
 * And for one whose maker counts no revisions: several of them need not be one after another, as those of an experiment.
 */
export function ownerRevisionOf(
  raw: unknown,
  owner: Owner | undefined,
  keyedHash: KeyedHash,
): OwnerRevision | undefined {
  if (owner === undefined || isOfDeployment(owner)) return undefined
  const number = Number(revisionOf(raw, owner))
  if (!Number.isSafeInteger(number)) return undefined
  const template = projectTemplate(fields(fields(raw).spec).template, keyedHash)
  return { owner, number, template: shareParts(asWritten(template, raw)), helm: helmReleaseOf(raw) }
}

function isOfDeployment(owner: Owner | undefined): boolean {
  return owner?.kind === 'Deployment'
}

/** As the author of the workload wrote it, without what its controller adds. */
function asWritten(template: PodTemplate, raw: unknown): PodTemplate {
  const { labels, annotations } = parsed(annotationOf(raw, EPHEMERAL))
  return {
    ...template,
    labels: without(template.labels, [...HASHES, ...Object.keys(fields(labels))]),
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

/** Revisions of a workload differ in little, mostly in an image: what they have in common is kept once. */
function shareParts(template: PodTemplate): PodTemplate {
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

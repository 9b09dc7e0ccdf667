import { type Event, event } from '@rca/core/connector'

/** Returns a function that declares events of a severity. */
function declare(severity: Event['severity']) {
  return <const Names extends Readonly<Record<string, string>>>(name: string, description: string, attributes: Names) =>
    event({ name, severity, description, attributes })
}

export const info = declare('info')
export const warning = declare('warning')
export const error = declare('error')
export const critical = declare('critical')

/** The author of a change. */
export const writer = {
  'change.by':
    'Author of the change, as the program calls itself: `kubectl-set`, `helm`, `argocd-controller`, `kube-controller-manager`, …; absent where the server does not say.',
  'change.operation': '`Apply` or `Update`.',
}

export const fields = {
  'change.fields':
    'Parts that differ, in a word each, such as `image`; `other` stands for parts that are not compared.',
}

export const settings = { 'change.settings': 'Settings, each as `strategy: RollingUpdate → Recreate`.' }

export const repeated = { 'change.count': 'How often it has happened, from the 10th time on.' }

/** The rule by which repeated events are sampled, as a sentence. */
export const SAMPLED =
  'Sampled: the first four are reported, then the 10th, 30th, 100th, 300th, …; counting starts from scratch after ten quiet minutes.'

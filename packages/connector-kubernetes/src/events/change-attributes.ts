/** Who changed something. */
export const writer = {
  'change.by':
    'Who wrote it, as the program calls itself: `kubectl-set`, `helm`, `argocd-controller`, `kube-controller-manager`, …; absent where the server does not say.',
  'change.operation': '`Apply` or `Update`.',
}

/** What differs. */
export const fields = {
  'change.fields': 'What differs, in a word each, such as `image`; `other` stands for what is not looked at closely.',
}
/** Settings that were changed. */
export const settings = { 'change.settings': 'Settings, each as `strategy: RollingUpdate → Recreate`.' }
/** Of what happens again and again. */
export const again = {
  'change.count': 'How often it has happened, where it happens so often that not every time is told.',
}

{{/* What the collectors and watchers read in a namespace. Nothing is ever written. */}}
{{- define "agent.namespacedRules" -}}
- apiGroups: [""]
  resources:
    - configmaps
    - events
    - limitranges
    - persistentvolumeclaims
    - pods
    - resourcequotas
    {{- if eq (toString .Values.watchSecretNames) "true" }}
    - secrets
    {{- end }}
    - services
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
- apiGroups: [apps]
  resources: [daemonsets, deployments, replicasets, statefulsets]
  verbs: [get, list, watch]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch]
- apiGroups: [batch]
  resources: [cronjobs, jobs]
  verbs: [get, list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [get, list, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [get, list, watch]
- apiGroups: [metrics.k8s.io]
  resources: [pods]
  verbs: [get, list]
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: [get, list, watch]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch]
{{- end -}}

{{/* What belongs to no namespace. The kubelets' summaries are behind the API server's proxy. */}}
{{- define "agent.clusterRules" -}}
- apiGroups: [""]
  resources: [namespaces, nodes]
  verbs: [get, list, watch]
{{- if .Values.rbac.kubeletSummaries }}
- apiGroups: [""]
  resources: [nodes/proxy]
  verbs: [get]
{{- end }}
- apiGroups: [metrics.k8s.io]
  resources: [nodes]
  verbs: [get, list]
{{- end -}}

{{- define "agent.subject" -}}
- kind: ServiceAccount
  name: {{ include "agent.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}

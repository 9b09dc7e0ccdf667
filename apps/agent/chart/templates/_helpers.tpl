{{- define "agent.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "agent.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains (include "agent.name" .) .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "agent.name" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Name of cluster-wide objects: unique in the cluster. */}}
{{- define "agent.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "agent.fullname" .) -}}
{{- end -}}

{{- define "agent.testName" -}}
{{- printf "%s-test" (include "agent.fullname" . | trunc 58 | trimSuffix "-") -}}
{{- end -}}

{{- define "agent.selectorLabels" -}}
app.kubernetes.io/name: {{ include "agent.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "agent.commonLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: incident-rca
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "agent.labels" -}}
{{ include "agent.selectorLabels" . }}
{{ include "agent.commonLabels" . }}
{{- end -}}

{{- define "agent.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "agent.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "agent.leaseName" -}}
{{- default (include "agent.fullname" .) .Values.leaseName -}}
{{- end -}}

{{- define "agent.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository .tag -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Converts a list, or text separated by commas, to `{"items": […]}`. Each item occurs once. */}}
{{- define "agent.list" -}}
{{- $items := list -}}
{{- if kindIs "string" . -}}
{{- range splitList "," . -}}
{{- if trim . -}}{{- $items = append $items (trim .) -}}{{- end -}}
{{- end -}}
{{- else -}}
{{- $items = default list . -}}
{{- end -}}
{{- dict "items" (uniq $items) | toJson -}}
{{- end -}}

{{/* Converts a value to the text that the agent reads: lists with commas, integers without an exponent, objects as JSON. */}}
{{- define "agent.text" -}}
{{- if kindIs "slice" . -}}
{{- $items := list -}}
{{- range . -}}{{- $items = append $items (include "agent.text" .) -}}{{- end -}}
{{- join "," $items -}}
{{- else if kindIs "map" . -}}
{{- toJson . -}}
{{- else if and (kindIs "float64" .) (eq (floor .) .) -}}
{{- int64 . -}}
{{- else if not (kindIs "invalid" .) -}}
{{- toString . -}}
{{- end -}}
{{- end -}}

{{/* Converts the `value` of each map in a list to text: `--set` makes numbers and booleans of some. */}}
{{- define "agent.textValues" -}}
{{- $items := list -}}
{{- range . -}}
{{- $item := . -}}
{{- if not (kindIs "invalid" .value) -}}{{- $item = merge (dict "value" (include "agent.text" .value)) . -}}{{- end -}}
{{- $items = append $items $item -}}
{{- end -}}
{{- toYaml $items -}}
{{- end -}}

{{/* Environment variables of the options, then of `config`: `logLevel` becomes LOG_LEVEL. Empty values are left out. */}}
{{- define "agent.options" -}}
{{- $reserved := list "PLATFORM_API_URL" "AGENT_TOKEN" "AGENT_TOKEN_FILE" "AGENT_TYPE" "LEASE_NAME" "POD_NAME" "POD_NAMESPACE" "RCA_STATE_DIR" "RCA_HEALTH_SOCKET" "HTTPS_PROXY" "HTTP_PROXY" "NO_PROXY" "NODE_USE_ENV_PROXY" "NODE_EXTRA_CA_CERTS" -}}
{{- $variables := dict -}}
{{- $options := dict -}}
{{- range include "agent.optionNames" . | fromJsonArray -}}{{- $_ := set $options . (index $.Values .) -}}{{- end -}}
{{- range $source := list $options (default dict .Values.config) -}}
{{- range $key, $value := $source -}}
{{- $name := regexReplaceAll "\\W+" (regexReplaceAll "([a-z0-9])([A-Z])" $key "${1}_${2}") "_" | upper -}}
{{- if has $name $reserved -}}
{{- fail (printf "`config.%s` cannot be set: the chart sets %s itself" $key $name) -}}
{{- end -}}
{{- $text := include "agent.text" $value -}}
{{- if ne $text "" -}}{{- $_ := set $variables $name $text -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $variables -}}
{{- end -}}

{{/* Escapes `$(NAME)`, which Kubernetes would replace in a variable, by doubling dollar signs. */}}
{{- define "agent.literal" -}}
{{- . | replace "$" "$$" | quote -}}
{{- end -}}

{{- define "agent.validate" -}}
{{- if not (or .Values.platformUrl .Values.existingConfigMap) -}}
{{- fail "`platformUrl` is not set. Set it to the platform's address, such as --set-string platformUrl=https://api.example.com" -}}
{{- end -}}
{{- if not (or .Values.agentToken .Values.existingSecret) -}}
{{- fail "`agentToken` is not set. Set it to the token that the platform showed once, or `existingSecret` to the name of a Secret that holds it" -}}
{{- end -}}
{{- if and .Values.agentToken .Values.existingSecret -}}
{{- fail "`agentToken` and `existingSecret` are both set. Set only one of them" -}}
{{- end -}}
{{- if and .Values.keySecret (eq .Values.keySecret (default (include "agent.fullname" .) .Values.existingSecret)) -}}
{{- fail (printf "`keySecret` is `%s`, the Secret of the token. Choose another name" .Values.keySecret) -}}
{{- end -}}
{{- if and .Values.ca .Values.caConfigMap -}}
{{- fail "`ca` and `caConfigMap` are both set. Set only one of them" -}}
{{- end -}}
{{- if and .Values.networkPolicy.enabled (not (or .Values.platformUrl .Values.httpsProxy .Values.networkPolicy.extraEgress)) -}}
{{- fail "`networkPolicy.enabled` allows egress to the port of `platformUrl`, which is not set: Helm cannot read it from the ConfigMap. Set `platformUrl` too, or allow egress with `networkPolicy.extraEgress`" -}}
{{- end -}}
{{- end -}}

{{- define "agent.subject" -}}
- kind: ServiceAccount
  name: {{ include "agent.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}

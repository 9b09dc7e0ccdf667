{{/* Pod spec that the Deployment and the pod of `helm test` share. */}}
{{- define "agent.podSpec" -}}
{{- $pullSecrets := (include "agent.list" .Values.imagePullSecrets | fromJson).items -}}
serviceAccountName: {{ include "agent.serviceAccountName" . }}
automountServiceAccountToken: true
enableServiceLinks: false
{{- if $pullSecrets }}
imagePullSecrets:
  {{- range $pullSecrets }}
  - name: {{ if kindIs "map" . }}{{ .name | quote }}{{ else }}{{ . | quote }}{{ end }}
  {{- end }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- include "agent.textValues" . | nindent 2 }}
{{- end }}
volumes:
  - name: tmp
    emptyDir:
      sizeLimit: 64Mi
  {{- /* Room for the queue, and for reports that are set aside: the kubelet evicts a pod that uses more. */}}
  - name: state
    emptyDir:
      sizeLimit: {{ printf "%dMi" (add 128 (default 64 .Values.maxQueueSize | int)) }}
  {{- /* 288 is 0440: YAML 1.1 and 1.2 read octal numbers differently. */}}
  - name: token
    secret:
      secretName: {{ default (include "agent.fullname" .) .Values.existingSecret | quote }}
      defaultMode: 288
      items:
        - key: {{ ternary .Values.existingSecretKey "agent-token" (ne .Values.existingSecret "") | quote }}
          path: agent-token
  {{- if or .Values.ca .Values.caConfigMap }}
  - name: ca
    configMap:
      name: {{ default (printf "%s-ca" (include "agent.fullname" .)) .Values.caConfigMap | quote }}
      items:
        - key: ca.crt
          path: ca.crt
  {{- end }}
  {{- if .Values.connectors }}
  - name: connectors
    emptyDir:
      sizeLimit: 1Gi
  {{- end }}
  {{- with .Values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .Values.connectors }}
initContainers:
  - name: connectors
    image: {{ include "agent.image" $ | quote }}
    imagePullPolicy: {{ $.Values.image.pullPolicy }}
    securityContext:
      {{- toYaml $.Values.securityContext | nindent 6 }}
    args:
      - add
      {{- range . }}
      - {{ include "agent.literal" . }}
      {{- end }}
    env:
      - name: RCA_CONNECTORS
        value: /opt/rca-connectors
      {{- /* Only this volume is writable and large enough. */}}
      - name: npm_config_cache
        value: /opt/rca-connectors/.npm
      {{- with include "agent.networkEnv" $ | trim }}
      {{- . | nindent 6 }}
      {{- end }}
      {{- with $.Values.extraEnv }}
      {{- include "agent.textValues" . | nindent 6 }}
      {{- end }}
    volumeMounts:
      - name: tmp
        mountPath: /tmp
      - name: connectors
        mountPath: /opt/rca-connectors
      {{- with include "agent.sharedMounts" $ | trim }}
      {{- . | nindent 6 }}
      {{- end }}
    resources:
      {{- toYaml $.Values.resources | nindent 6 }}
{{- end }}
{{- end -}}

{{/* Proxy and certificate authority, for every container. */}}
{{- define "agent.networkEnv" -}}
{{- with .Values.httpsProxy }}
- name: HTTPS_PROXY
  value: {{ include "agent.literal" . }}
- name: HTTP_PROXY
  value: {{ include "agent.literal" . }}
{{- /* Kubernetes fills in the API server's address. */}}
- name: NO_PROXY
  value: {{ printf "$(KUBERNETES_SERVICE_HOST),kubernetes.default.svc,localhost,127.0.0.1%s" (ternary "" (printf ",%s" ($.Values.noProxy | replace "$" "$$")) (eq $.Values.noProxy "")) | quote }}
- name: NODE_USE_ENV_PROXY
  value: "1"
{{- end }}
{{- if or .Values.ca .Values.caConfigMap }}
- name: NODE_EXTRA_CA_CERTS
  value: /etc/rca-agent/ca/ca.crt
{{- end }}
{{- end -}}

{{/* Volumes that every container mounts. */}}
{{- define "agent.sharedMounts" -}}
{{- if or .Values.ca .Values.caConfigMap }}
- name: ca
  mountPath: /etc/rca-agent/ca
  readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Container that both pods share. */}}
{{- define "agent.container" -}}
image: {{ include "agent.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
env:
  - name: POD_NAME
    valueFrom:
      fieldRef:
        fieldPath: metadata.name
  - name: POD_NAMESPACE
    valueFrom:
      fieldRef:
        fieldPath: metadata.namespace
  {{- with .Values.platformUrl }}
  - name: PLATFORM_API_URL
    value: {{ include "agent.literal" . }}
  {{- end }}
  - name: AGENT_TOKEN_FILE
    value: /etc/rca-agent/token/agent-token
  - name: AGENT_TYPE
    value: {{ include "agent.literal" .Values.agentType }}
  - name: LEASE_NAME
    value: {{ include "agent.leaseName" . | quote }}
  - name: RCA_STATE_DIR
    value: /var/lib/rca-agent
  - name: RCA_HEALTH_SOCKET
    value: /tmp/rca-agent.sock
  {{- range $name, $text := include "agent.options" . | fromJson }}
  - name: {{ $name }}
    value: {{ include "agent.literal" $text }}
  {{- end }}
  {{- if .Values.connectors }}
  - name: RCA_CONNECTORS
    value: /opt/rca-connectors
  {{- end }}
  {{- with include "agent.networkEnv" . | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with .Values.extraEnv }}
  {{- include "agent.textValues" . | nindent 2 }}
  {{- end }}
{{- with .Values.existingConfigMap }}
envFrom:
  - configMapRef:
      name: {{ . | quote }}
{{- end }}
volumeMounts:
  - name: tmp
    mountPath: /tmp
  - name: state
    mountPath: /var/lib/rca-agent
  - name: token
    mountPath: /etc/rca-agent/token
    readOnly: true
  {{- if .Values.connectors }}
  - name: connectors
    mountPath: /opt/rca-connectors
    readOnly: true
  {{- end }}
  {{- with include "agent.sharedMounts" . | trim }}
  {{- . | nindent 2 }}
  {{- end }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
{{- end -}}

{{/* Runs the image's own health check. */}}
{{- define "agent.probe" -}}
exec:
  command: [node, --max-semi-space-size=1, --v8-pool-size=1, --jitless, /app/dist/healthcheck.js]
{{- end -}}

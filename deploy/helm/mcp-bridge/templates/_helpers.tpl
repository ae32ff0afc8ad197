{{- define "mcp-bridge.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 57 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 57 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "mcp-bridge.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "mcp-bridge.labels" -}}
{{ include "mcp-bridge.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "mcp-bridge.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "mcp-bridge.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (ternary (include "mcp-bridge.name" .) "default" .Values.serviceAccount.create) -}}
{{- end -}}

{{- /* bridge.yaml: the user's part, and what the chart itself knows. */ -}}
{{- define "mcp-bridge.config" -}}
{{- $bridge := dict "http_listen" "0.0.0.0:4000" "grpc_listen" "0.0.0.0:50051" "lanes" 2 -}}
{{- $bridge = mergeOverwrite $bridge (deepCopy (.Values.config.bridge | default dict)) -}}
{{- if .Values.metrics.enabled -}}{{- $_ := set $bridge "admin_listen" (printf "0.0.0.0:%d" (int .Values.metrics.port)) -}}{{- end -}}
{{- $_ := set $bridge "drain_grace" (printf "%ds" (int .Values.drainGraceSeconds)) -}}
{{- if .Values.allowUnauthenticated -}}{{- $_ := set $bridge "allow_unauthenticated" true -}}{{- end -}}
{{- $config := deepCopy .Values.config -}}
{{- $_ := set $config "bridge" $bridge -}}
{{- if .Values.masterKey.existingSecret -}}
{{- $_ := set $config "general_settings" (dict "master_key" "os.environ/MCP_BRIDGE_KEY") -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{- define "mcp-bridge.securityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
seccompProfile: {type: RuntimeDefault}
{{- end -}}

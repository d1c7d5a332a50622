{{- define "labels" -}}
app.kubernetes.io/name: litellm
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: kindo-models
helm.sh/chart: {{ printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_") | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- define "selector" -}}
app.kubernetes.io/name: litellm
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{- /* Without the chart's version: a new chart that changes nothing for pods does not restart them. */ -}}
{{- define "podLabels" -}}
{{ include "selector" . }}
app.kubernetes.io/part-of: kindo-models
{{- end }}

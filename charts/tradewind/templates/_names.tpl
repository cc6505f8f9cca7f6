{{- define "tradewind.labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: tradewind
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "tradewind.image" -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag }}{{ end }}
{{- end }}

{{- define "tradewind.natsUrl" -}}
{{- if .Values.nats.enabled -}}
{{ if include "tradewind.natsTls" . }}tls{{ else }}nats{{ end }}://nats.{{ .Release.Namespace }}.svc:4222
{{- else -}}
{{ .Values.nats.url }}
{{- end -}}
{{- end }}

{{- /* The Secret with the certificates of NATS; empty where connections are plain. */ -}}
{{- define "tradewind.natsTls" -}}
{{- if .Values.nats.tls.secretName -}}
{{ .Values.nats.tls.secretName }}
{{- else if .Values.nats.tls.certManager.issuer -}}
nats-tls
{{- end -}}
{{- end }}

{{- define "tradewind.operatorUser" -}}
system:serviceaccount:{{ .Release.Namespace }}:tradewind-operator
{{- end }}

{{- define "tradewind.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "tradewind.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- /* MiB of a size: NATS's MB, GB and TB are powers of two, like Kubernetes' Mi, Gi and Ti. */ -}}
{{- define "tradewind.mib" -}}
{{- $count := regexFind "^[0-9]+" . | int64 -}}
{{- mul $count (get (dict "M" 1 "G" 1024 "T" 1048576) (regexFind "[MGT]" .)) -}}
{{- end }}

{{- /* MiB JetStream reserves for a namespace: INPUT, EVENTS and JOURNAL, two buckets, and the dead letters. */ -}}
{{- define "tradewind.reservedMib" -}}
{{- add (mul 3 (int64 .Values.streams.mib)) (mul 2 (int64 .Values.streams.bucketMib)) 64 -}}
{{- end }}

{{/* Short enough for "-postgres-0" behind it. */}}
{{- define "holdfast.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | trunc 48 | trimSuffix "-" -}}
{{- end -}}

{{/* A list: the root, the component. */}}
{{- define "holdfast.selector" -}}
app.kubernetes.io/name: holdfast
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/*
Labels, each once. What selects pods is never another; else the values win, and of them those for this object. A list: the root, the
component, and if there are any, labels of this object from the values and those of the chart that nothing may change.
*/}}
{{- define "holdfast.labels" -}}
{{- $root := index . 0 -}}
{{- $fixed := fromYaml (include "holdfast.selector" .) -}}
{{- $own := dict -}}
{{- if gt (len .) 2 }}{{ $own = index . 2 }}{{ end -}}
{{- if gt (len .) 3 }}{{ $fixed = merge $fixed (index . 3) }}{{ end -}}
{{- $defaults := dict
  "app.kubernetes.io/part-of" "holdfast"
  "app.kubernetes.io/version" $root.Chart.AppVersion
  "app.kubernetes.io/managed-by" $root.Release.Service
  "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version)
-}}
{{- toYaml (merge $fixed (deepCopy (default dict $own)) (deepCopy $root.Values.commonLabels) $defaults) -}}
{{- end -}}

{{/* Name, namespace and labels of an object: a list of the root, the component, what its name has beyond that, and if there are any,
labels of its own from the values. */}}
{{- define "holdfast.metadata" -}}
{{- $root := index . 0 -}}
{{- $own := dict -}}
{{- if gt (len .) 3 }}{{ $own = index . 3 }}{{ end -}}
name: {{ include "holdfast.fullname" $root }}-{{ index . 1 }}{{ with index . 2 }}-{{ . }}{{ end }}
namespace: {{ $root.Release.Namespace }}
labels:
  {{- include "holdfast.labels" (list $root (index . 1) $own) | nindent 2 }}
{{- end -}}

{{/* The values of a service: those that are common, with its own over them. A list: the root, the component. */}}
{{- define "holdfast.values" -}}
{{- $root := index . 0 -}}
{{- mergeOverwrite (deepCopy $root.Values.service) (index $root.Values (index . 1)) | toYaml -}}
{{- end -}}

{{/* An image reference, of a service's merged values. A list: the root, the values. */}}
{{- define "holdfast.image" -}}
{{- $image := (index . 1).image -}}
{{ $image.repository }}{{ with $image.digest }}@{{ . }}{{ else }}:{{ default (index $ 0).Chart.AppVersion $image.tag }}{{ end }}
{{- end -}}

{{- define "holdfast.containerSecurity" -}}
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Without a user the platform chooses one, as OpenShift does. */}}
{{- define "holdfast.podSecurity" -}}
runAsNonRoot: true
{{- with . }}
runAsUser: {{ int64 . }}
runAsGroup: {{ int64 . }}
fsGroup: {{ int64 . }}
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "holdfast.jwtSecret" -}}
{{- default (printf "%s-jwt" (include "holdfast.fullname" .)) .Values.jwt.existingSecret -}}
{{- end -}}

{{- define "holdfast.databaseSecret" -}}
{{- default (printf "%s-database" (include "holdfast.fullname" .)) .Values.database.existingSecret -}}
{{- end -}}

{{/* How a service reaches Redis: `env`, `secrets` as folders below /etc/holdfast, and `egress` for its NetworkPolicy. A list:
the root, the Redis user. */}}
{{- define "holdfast.redis" -}}
{{- $root := index . 0 -}}
{{- $user := index . 1 -}}
{{- if (index $root.Values "redis-sentinel").enabled -}}
{{- $redis := index $root.Subcharts "redis-sentinel" -}}
{{- $full := include "redis-sentinel.fullname" $redis -}}
{{- $peers := list -}}
{{- range $component, $port := dict "redis" 6379 "sentinel" 26379 -}}
{{- $selector := fromYaml (include "redis-sentinel.selector" (list $redis $component)) -}}
{{- $peers = append $peers (dict "to" (list (dict "podSelector" (dict "matchLabels" $selector))) "ports" (list (dict "port" $port))) -}}
{{- end -}}
env:
  # Numbers, which the kubelet knows: no DNS stands between a service and its failover.
  REDIS_SENTINELS: {{ include "redis-sentinel.addresses" (list $redis "sentinel") | replace ")" "):26379" | replace " " "," | quote }}
  REDIS_MASTER_NAME: {{ include "redis-sentinel.masterName" $redis }}
  REDIS_USERNAME: {{ $user }}
  {{- if $redis.Values.tls.enabled }}
  REDIS_TLS: "true"
  REDIS_CA_FILE: /etc/holdfast/redis-ca/ca.crt
  REDIS_TLS_SERVER_NAME: {{ include "redis-sentinel.tlsServerName" $redis }}
  {{- end }}
  REDIS_PASSWORD_FILE: /etc/holdfast/redis/password
secrets:
  redis: {{ include "redis-sentinel.userSecret" (list $redis $user) }}
  {{- if $redis.Values.tls.enabled }}
  redis-ca: {{ include "redis-sentinel.tlsSecret" $redis }}
  {{- end }}
egress: {{ $peers | toJson }}
{{- else -}}
{{- $redis := $root.Values.externalRedis -}}
env:
  {{- with $redis.url }}
  REDIS_URL: {{ . | quote }}
  {{- end }}
  {{- with $redis.sentinels }}
  REDIS_SENTINELS: {{ join "," . | quote }}
  REDIS_MASTER_NAME: {{ $redis.masterName | quote }}
  {{- end }}
  REDIS_USERNAME: {{ (index $redis $user).username | quote }}
  {{- if $redis.tls.enabled }}
  REDIS_TLS: "true"
  {{- end }}
  {{- with $redis.tls.caSecret }}
  REDIS_CA_FILE: /etc/holdfast/redis-ca/ca.crt
  {{- end }}
  {{- with $redis.tls.serverName }}
  REDIS_TLS_SERVER_NAME: {{ . | quote }}
  {{- end }}
  {{- if $redis.iam.enabled }}
  REDIS_AUTH: aws-iam
  REDIS_AWS_CACHE: {{ $redis.iam.cache | quote }}
  REDIS_AWS_SERVICE: {{ $redis.iam.service }}
  AWS_REGION: {{ $redis.iam.region | quote }}
  {{- else }}
  REDIS_PASSWORD_FILE: /etc/holdfast/redis/password
  {{- end }}
  {{- if $redis.clientCertificate.existingSecret }}
  REDIS_CERT_FILE: /etc/holdfast/redis-client/tls.crt
  REDIS_KEY_FILE: /etc/holdfast/redis-client/tls.key
  {{- end }}
  {{- with $redis.sentinelAuth.username }}
  REDIS_SENTINEL_USERNAME: {{ . | quote }}
  {{- end }}
  {{- if $redis.sentinelAuth.existingSecret }}
  REDIS_SENTINEL_PASSWORD_FILE: /etc/holdfast/redis-sentinel/password
  {{- end }}
{{- $secrets := dict
  "redis" (ternary "" (index $redis $user).existingSecret $redis.iam.enabled)
  "redis-ca" $redis.tls.caSecret
  "redis-client" $redis.clientCertificate.existingSecret
  "redis-sentinel" $redis.sentinelAuth.existingSecret
}}
secrets:
  {{- range $folder, $secret := $secrets }}
  {{- with $secret }}
  {{ $folder }}: {{ . | quote }}
  {{- end }}
  {{- end }}
egress: {{ $redis.egress | toJson }}
{{- end -}}
{{- end -}}

{{/* Short enough for "-sentinel-0" behind it in a Service's name and a revision's hash in a label. */}}
{{- define "redis-sentinel.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* Takes a list: the root, and the component or nothing. */}}
{{- define "redis-sentinel.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: redis-sentinel
app.kubernetes.io/instance: {{ $root.Release.Name }}
{{- with index . 1 }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{/*
Labels, each once. What selects pods is never another; else the values win, and of them those for this object. A list: the root, the
component or nothing, and if there are any, labels of this object from the values.
*/}}
{{- define "redis-sentinel.labels" -}}
{{- $root := index . 0 -}}
{{- $fixed := fromYaml (include "redis-sentinel.selector" .) -}}
{{- $own := dict -}}
{{- if gt (len .) 2 }}{{ $own = index . 2 }}{{ end -}}
{{- $defaults := dict
  "app.kubernetes.io/version" $root.Chart.AppVersion
  "app.kubernetes.io/managed-by" $root.Release.Service
  "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version)
-}}
{{- toYaml (merge $fixed (deepCopy (default dict $own)) (deepCopy $root.Values.commonLabels) $defaults) -}}
{{- end -}}

{{/* Name and labels of an object: a list of the root, the suffix of its name, the component or nothing, and if there are any, labels of
its own from the values. */}}
{{- define "redis-sentinel.metadata" -}}
{{- $root := index . 0 -}}
{{- $own := dict -}}
{{- if gt (len .) 3 }}{{ $own = index . 3 }}{{ end -}}
name: {{ include "redis-sentinel.fullname" $root }}{{ with index . 1 }}-{{ . }}{{ end }}
namespace: {{ $root.Release.Namespace }}
labels:
  {{- include "redis-sentinel.labels" (list $root (index . 2) $own) | nindent 2 }}
{{- end -}}

{{- define "redis-sentinel.image" -}}
{{- .repository }}{{ with .digest }}@{{ . }}{{ else }}:{{ .tag }}{{ end -}}
{{- end -}}

{{- define "redis-sentinel.masterName" -}}
{{- default (printf "%s-%s" .Release.Namespace (include "redis-sentinel.fullname" .)) .Values.masterName -}}
{{- end -}}

{{- define "redis-sentinel.tlsSecret" -}}
{{- default (printf "%s-tls" (include "redis-sentinel.fullname" .)) .Values.tls.existingSecret -}}
{{- end -}}

{{- define "redis-sentinel.tlsServerName" -}}
{{- default (printf "%s.%s.svc" (include "redis-sentinel.fullname" .) .Release.Namespace) .Values.tls.serverName -}}
{{- end -}}

{{/* Every name by which a certificate may be asked for: the common one, the pods' Services, and the exporter's. */}}
{{- define "redis-sentinel.tlsNames" -}}
{{- $full := include "redis-sentinel.fullname" . -}}
{{- $names := list (include "redis-sentinel.tlsServerName" .) "localhost" -}}
{{- range $component := list "redis" "sentinel" -}}
{{- range $i := until (int (index $.Values $component).replicas) -}}
{{- $names = append $names (printf "%s-%s-%d.%s.svc" $full $component $i $.Release.Namespace) -}}
{{- end -}}
{{- end -}}
{{- $names | uniq | toJson -}}
{{- end -}}

{{/* The Secret of a Redis user: a list of the root and the user. */}}
{{- define "redis-sentinel.userSecret" -}}
{{- $root := index . 0 -}}
{{- default (printf "%s-%s" (include "redis-sentinel.fullname" $root) (index . 1)) (index $root.Values.users (index . 1)).existingSecret -}}
{{- end -}}

{{/* The addresses of a component's pods: the kubelet puts in what it knows of their Services when a container starts, so
that no name is looked up and no token needed. */}}
{{- define "redis-sentinel.addresses" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
{{- $full := include "redis-sentinel.fullname" $root -}}
{{- range $i := until (int (index $root.Values $component).replicas) -}}
{{- if $i }} {{ end }}$({{ printf "%s-%s-%d" $full $component $i | upper | replace "-" "_" }}_SERVICE_HOST)
{{- end -}}
{{- end -}}

{{- define "redis-sentinel.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Without a user the platform chooses one, as OpenShift does. */}}
{{- define "redis-sentinel.podSecurity" -}}
runAsNonRoot: true
{{- with .Values.runAsUser }}
runAsUser: {{ int64 . }}
runAsGroup: {{ int64 . }}
fsGroup: {{ int64 . }}
{{- end }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* Pods that may reach Redis and Sentinel, as peers of a NetworkPolicy. */}}
{{- define "redis-sentinel.clients" -}}
{{- range default (list "") .Values.networkPolicy.clientNamespaces }}
- podSelector:
    matchLabels:
      {{- toYaml $.Values.networkPolicy.clientLabels | nindent 6 }}
  {{- with . }}
  namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* Pods of the set, as a peer of a NetworkPolicy: a list of the root and the component. */}}
{{- define "redis-sentinel.peer" -}}
- podSelector:
    matchLabels:
      {{- include "redis-sentinel.selector" . | nindent 6 }}
{{- end -}}

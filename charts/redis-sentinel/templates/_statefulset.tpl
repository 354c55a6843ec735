{{/* The StatefulSet of Redis and that of Sentinel, which differ in what they are told. Takes a dict: root, component, port,
users (whose passwords the container reads), env. */}}
{{- define "redis-sentinel.statefulset" -}}
{{- $root := .root -}}
{{- $component := .component -}}
{{- $values := index $root.Values $component -}}
{{- $full := include "redis-sentinel.fullname" $root -}}
{{- $selector := include "redis-sentinel.selector" (list $root $component) -}}
{{- $annotations := dict
  "checksum/config" (include (print $root.Template.BasePath "/config.yaml") $root | sha256sum)
  "kubectl.kubernetes.io/default-container" $component
-}}
{{- if $root.Values.metrics.enabled -}}
{{- /* The exporter reads its password when it starts. */ -}}
{{- $_ := set $annotations "holdfast.dev/exporter-generation" (toString $root.Values.users.exporter.generation) -}}
{{- end -}}
apiVersion: apps/v1
kind: StatefulSet
metadata:
  {{- include "redis-sentinel.metadata" (list $root $component $component) | nindent 2 }}
spec:
  serviceName: {{ $full }}
  replicas: {{ $values.replicas }}
  # All at once: each waits for what it needs by itself, and a cold start must not wait for a pod that waits for another.
  podManagementPolicy: Parallel
  persistentVolumeClaimRetentionPolicy:
    whenDeleted: Retain
    whenScaled: Retain
  selector:
    matchLabels:
      {{- $selector | nindent 6 }}
  template:
    metadata:
      labels:
        {{- merge (fromYaml $selector) (deepCopy (default dict $values.podLabels)) $root.Values.commonLabels | toYaml | nindent 8 }}
      annotations:
        {{- merge $annotations $values.podAnnotations | toYaml | nindent 8 }}
    spec:
      serviceAccountName: {{ $full }}
      automountServiceAccountToken: false
      enableServiceLinks: true
      terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
      securityContext:
        {{- include "redis-sentinel.podSecurity" $root | nindent 8 }}
      {{- with $root.Values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      {{- with $values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.affinity }}
      affinity:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      topologySpreadConstraints:
        {{- range $key, $unsatisfiable := dict "kubernetes.io/hostname" $root.Values.spread.hosts "topology.kubernetes.io/zone" $root.Values.spread.zones }}
        - topologyKey: {{ $key }}
          maxSkew: 1
          whenUnsatisfiable: {{ $unsatisfiable }}
          labelSelector:
            matchLabels:
              {{- $selector | nindent 14 }}
        {{- end }}
      containers:
        - name: {{ $component }}
          image: {{ include "redis-sentinel.image" $root.Values.image }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          command: [sh, /scripts/{{ $component }}.sh]
          env:
            - name: POD_NAME
              valueFrom:
                fieldRef:
                  fieldPath: metadata.name
            - name: REDIS_ADDRESSES
              value: {{ include "redis-sentinel.addresses" (list $root "redis") }}
            - name: SENTINEL_ADDRESSES
              value: {{ include "redis-sentinel.addresses" (list $root "sentinel") }}
            {{- $common := dict "MASTER_NAME" (include "redis-sentinel.masterName" $root) "TLS" $root.Values.tls.enabled
                  "DATA_DIR" "/data" "RUN_DIR" "/run/holdfast" "SECRETS_DIR" "/etc/holdfast/secrets" "CONFIG_DIR" "/etc/holdfast/config" "TLS_DIR" "/etc/holdfast/tls" }}
            {{- range $name, $value := merge $common .env }}
            - name: {{ $name }}
              value: {{ $value | toString | quote }}
            {{- end }}
            - name: MEMORY_LIMIT_BYTES
              valueFrom:
                resourceFieldRef:
                  containerName: {{ $component }}
                  resource: limits.memory
          ports:
            - name: {{ $component }}
              containerPort: {{ .port }}
          livenessProbe:
            exec:
              command: [sh, /scripts/probe.sh, live, {{ $component }}]
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          readinessProbe:
            exec:
              command: [sh, /scripts/probe.sh, ready, {{ $component }}]
            periodSeconds: 5
            timeoutSeconds: 5
            failureThreshold: 2
          resources:
            {{- toYaml $values.resources | nindent 12 }}
          securityContext:
            {{- include "redis-sentinel.containerSecurity" $root | nindent 12 }}
          volumeMounts:
            - name: data
              mountPath: /data
            - name: run
              mountPath: /run/holdfast
            - name: secrets
              mountPath: /etc/holdfast/secrets
              readOnly: true
            - name: config
              mountPath: /etc/holdfast/config
              readOnly: true
            - name: scripts
              mountPath: /scripts
              readOnly: true
            {{- if $root.Values.tls.enabled }}
            - name: tls
              mountPath: /etc/holdfast/tls
              readOnly: true
            {{- end }}
        {{- if $root.Values.metrics.enabled }}
        - name: exporter
          image: {{ include "redis-sentinel.image" $root.Values.metrics.image }}
          imagePullPolicy: {{ $root.Values.metrics.image.pullPolicy }}
          env:
            - name: REDIS_ADDR
              value: {{ ternary "rediss" "redis" $root.Values.tls.enabled }}://localhost:{{ .port }}
            # CONFIG GET would show the password that replicas use.
            - name: REDIS_EXPORTER_CONFIG_COMMAND
              value: "-"
            {{- if $root.Values.tls.enabled }}
            - name: REDIS_EXPORTER_TLS_CA_CERT_FILE
              value: /etc/holdfast/tls/ca.crt
            {{- end }}
            {{- if eq $component "redis" }}
            - name: REDIS_USER
              value: exporter
            - name: REDIS_PASSWORD
              valueFrom:
                secretKeyRef:
                  name: {{ include "redis-sentinel.userSecret" (list $root "exporter") }}
                  key: password
            {{- end }}
          ports:
            - name: metrics
              containerPort: 9121
          readinessProbe:
            httpGet:
              path: /health
              port: metrics
            periodSeconds: 10
          resources:
            {{- toYaml $root.Values.metrics.resources | nindent 12 }}
          securityContext:
            {{- include "redis-sentinel.containerSecurity" $root | nindent 12 }}
          {{- if $root.Values.tls.enabled }}
          volumeMounts:
            - name: tls
              mountPath: /etc/holdfast/tls
              readOnly: true
          {{- end }}
        {{- end }}
      volumes:
        - name: run
          emptyDir:
            medium: Memory
            sizeLimit: 16Mi
        - name: secrets
          projected:
            defaultMode: 0440
            sources:
              - secret:
                  name: {{ $full }}-acl
                  items:
                    - key: {{ $component }}.acl
                      path: users.acl
              {{- range .users }}
              - secret:
                  name: {{ include "redis-sentinel.userSecret" (list $root .) }}
                  items:
                    - key: password
                      path: {{ . }}
              {{- end }}
        - name: config
          configMap:
            name: {{ $full }}-config
            items:
              - key: {{ $component }}.conf
                path: {{ $component }}.conf
        - name: scripts
          configMap:
            name: {{ $full }}-scripts
        {{- if $root.Values.tls.enabled }}
        - name: tls
          secret:
            secretName: {{ include "redis-sentinel.tlsSecret" $root }}
            defaultMode: 0440
        {{- end }}
  volumeClaimTemplates:
    - metadata:
        name: data
        labels:
          {{- $selector | nindent 10 }}
      spec:
        accessModes: [ReadWriteOnce]
        {{- with $values.persistence.storageClass }}
        storageClassName: {{ . }}
        {{- end }}
        resources:
          requests:
            storage: {{ $values.persistence.size }}
{{- end -}}

{{/*
Everything a service of ours is made of. Takes a dict:
  root
  name         the component: auth, orders
  redisUser    its Redis user
  env          its own environment variables
  secrets      folders below /etc/holdfast: {folder: name of the Secret}
  init         its own init containers, and
  volumes      the volumes those share with the service, as emptyDir: {name: folder}
  checksum     of what it reads once only: a change makes new pods
  egress       where it connects to besides Redis and DNS, as rules of a NetworkPolicy
  ingress      from where it is reached besides the common, as peers of a NetworkPolicy
*/}}
{{- define "holdfast.service" -}}
{{- $root := .root -}}
{{- $name := .name -}}
{{- $scope := list $root $name "" -}}
{{- $values := fromYaml (include "holdfast.values" $scope) -}}
{{- $redis := fromYaml (include "holdfast.redis" (list $root .redisUser)) -}}
{{- $image := include "holdfast.image" (list $root $values) -}}
{{- $secrets := merge (default dict $redis.secrets) .secrets -}}
{{- $env := merge (dict
  "INSTANCE_NAME" ""
  "LOG_LEVEL" $values.logLevel
  "EXPOSE_INSTANCE" (toString $root.Values.exposeInstance)
  "TRUSTED_PROXIES" (toString $root.Values.trustedProxies)
  "TRUSTED_ORIGINS" (join "," $root.Values.trustedOrigins)
  "STRICT_TRANSPORT_SECURITY" $root.Values.strictTransportSecurity
  "DRAIN_DELAY_MS" (toString (int $values.drainDelayMs))
  "DRAIN_TIMEOUT_MS" (toString (int $values.drainTimeoutMs))
  "SESSION_PROFILE" $root.Values.session.profile
  "SESSION_IDLE_TIMEOUT_MS" (ternary (toString (int64 $root.Values.session.idleTimeoutMs)) "" (gt (int64 $root.Values.session.idleTimeoutMs) 0))
  "SESSION_ABSOLUTE_TIMEOUT_MS" (ternary (toString (int64 $root.Values.session.absoluteTimeoutMs)) "" (gt (int64 $root.Values.session.absoluteTimeoutMs) 0))
  "SESSION_WAIT_REPLICAS" (toString (int $root.Values.session.waitReplicas))
  "DEGRADED_READ_SECONDS" (toString (int $root.Values.session.degradedReadSeconds))
  "SESSION_LOCAL_CACHE_MS" (toString (int $root.Values.session.localCacheMs))
  "OTEL_EXPORTER_OTLP_ENDPOINT" $root.Values.otlpEndpoint
) $redis.env .env -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "holdfast.metadata" $scope | nindent 2 }}
  {{- with $values.serviceAccount.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
---
apiVersion: v1
kind: Service
metadata:
  {{- include "holdfast.metadata" $scope | nindent 2 }}
spec:
  selector:
    {{- include "holdfast.selector" $scope | nindent 4 }}
  ports:
    - { name: http, port: 80, targetPort: http }
---
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "holdfast.metadata" $scope | nindent 2 }}
spec:
  {{- if not $values.autoscaling.enabled }}
  replicas: {{ $values.replicas }}
  {{- end }}
  # A new pod is there before an old one goes.
  strategy:
    rollingUpdate: { maxSurge: 1, maxUnavailable: 0 }
  selector:
    matchLabels:
      {{- include "holdfast.selector" $scope | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "holdfast.labels" (list $root $name $values.podLabels (dict "holdfast.dev/redis-client" "true")) | nindent 8 }}
      annotations:
        {{- merge (dict "checksum/once" (.checksum | sha256sum)) $values.podAnnotations | toYaml | nindent 8 }}
    spec:
      serviceAccountName: {{ include "holdfast.fullname" $root }}-{{ $name }}
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: {{ div (add (int $values.drainDelayMs) (int $values.drainTimeoutMs) 10999) 1000 }}
      {{- with $root.Values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        {{- include "holdfast.podSecurity" $root.Values.runAsUser | nindent 8 }}
      topologySpreadConstraints:
        {{- range $key, $when := dict "kubernetes.io/hostname" $root.Values.spread.hosts "topology.kubernetes.io/zone" $root.Values.spread.zones }}
        - topologyKey: {{ $key }}
          maxSkew: 1
          whenUnsatisfiable: {{ $when }}
          labelSelector:
            matchLabels:
              {{- include "holdfast.selector" $scope | nindent 14 }}
          matchLabelKeys: [pod-template-hash]
          # A zone that is lost must not keep its pods from starting elsewhere.
          nodeTaintsPolicy: Honor
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
      {{- with $values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      {{- with .init }}
      initContainers:
        {{- range . }}
        - name: {{ .name }}
          image: {{ $image }}
          imagePullPolicy: {{ $values.image.pullPolicy }}
          command: {{ .command | toJson }}
          volumeMounts:
            {{- toYaml .volumeMounts | nindent 12 }}
          resources:
            {{- toYaml $values.resources | nindent 12 }}
          securityContext:
            {{- include "holdfast.containerSecurity" $ | nindent 12 }}
            readOnlyRootFilesystem: true
        {{- end }}
      {{- end }}
      containers:
        - name: {{ $name }}
          image: {{ $image }}
          imagePullPolicy: {{ $values.image.pullPolicy }}
          {{- with $values.command }}
          command: {{ . | toJson }}
          {{- end }}
          ports:
            - { name: http, containerPort: 8080 }
            - { name: metrics, containerPort: 9464 }
          env:
            {{- range $key, $value := $env }}
            {{- if eq $key "INSTANCE_NAME" }}
            - name: INSTANCE_NAME
              valueFrom:
                fieldRef:
                  fieldPath: metadata.name
            {{- else if $value }}
            - { name: {{ $key }}, value: {{ $value | quote }} }
            {{- end }}
            {{- end }}
            {{- with $values.extraEnv }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          # Neither asks for Redis or PostgreSQL, which all pods share: while those are down a pod still tells its clients so
          # (503, Retry-After); without ready pods they would find nobody. What is down is for alerts to say. Only a new pod that has
          # not reached them yet lets the older ones go first, for 15 s at most.
          startupProbe:
            httpGet: { path: /livez, port: http }
            periodSeconds: 1
            failureThreshold: 60
          livenessProbe:
            httpGet: { path: /livez, port: http }
            periodSeconds: 10
            timeoutSeconds: 5
          readinessProbe:
            httpGet: { path: "/readyz?exclude=redis&exclude=postgres", port: http }
            periodSeconds: 5
            timeoutSeconds: 3
            failureThreshold: 3
          resources:
            {{- toYaml $values.resources | nindent 12 }}
          securityContext:
            {{- include "holdfast.containerSecurity" $ | nindent 12 }}
            readOnlyRootFilesystem: {{ $values.readOnlyRootFilesystem }}
          volumeMounts:
            - { name: tmp, mountPath: /tmp }
            {{- range $folder, $_ := $secrets }}
            - { name: {{ $folder }}, mountPath: /etc/holdfast/{{ $folder }}, readOnly: true }
            {{- end }}
            {{- range $volume, $folder := .volumes }}
            - { name: {{ $volume }}, mountPath: /etc/holdfast/{{ $folder }}, readOnly: true }
            {{- end }}
            {{- with $values.extraVolumeMounts }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
      volumes:
        - name: tmp
          emptyDir: { sizeLimit: 16Mi }
        {{- range $folder, $secret := $secrets }}
        - name: {{ $folder }}
          secret: { secretName: {{ $secret }}, defaultMode: 0440 }
        {{- end }}
        {{- range $volume, $_ := .volumes }}
        - name: {{ $volume }}
          emptyDir: { medium: Memory, sizeLimit: 1Mi }
        {{- end }}
        {{- range .init }}
        {{- range .secretVolumes }}
        - name: {{ .name }}
          secret: { secretName: {{ .secret }}, defaultMode: 0440 }
        {{- end }}
        {{- end }}
        {{- with $values.extraVolumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
{{- if $values.autoscaling.enabled }}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "holdfast.metadata" $scope | nindent 2 }}
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: {{ include "holdfast.fullname" $root }}-{{ $name }} }
  minReplicas: {{ $values.autoscaling.minReplicas }}
  maxReplicas: {{ $values.autoscaling.maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: { type: Utilization, averageUtilization: {{ $values.autoscaling.targetCPUUtilizationPercentage }} }
{{- end }}
{{- if $values.podDisruptionBudget.enabled }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "holdfast.metadata" $scope | nindent 2 }}
spec:
  maxUnavailable: 1
  # A pod that is not ready keeps no drain waiting.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "holdfast.selector" $scope | nindent 6 }}
{{- end }}
{{- if $root.Values.networkPolicy.enabled }}
{{- $policy := $root.Values.networkPolicy }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "holdfast.metadata" $scope | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "holdfast.selector" $scope | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress:
    - ports: [{ port: http }]
      from:
        - podSelector:
            matchLabels:
              {{- toYaml $policy.clientLabels | nindent 14 }}
        {{- range $policy.ingressNamespaces }}
        - namespaceSelector:
            matchLabels: { kubernetes.io/metadata.name: {{ . }} }
        {{- end }}
        {{- range $policy.ingressCidrs }}
        - ipBlock: { cidr: {{ . | quote }} }
        {{- end }}
        {{- with .ingress }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    - ports: [{ port: metrics }]
      from:
        - namespaceSelector:
            matchLabels: { kubernetes.io/metadata.name: {{ $policy.monitoringNamespace }} }
  egress:
    # The cluster's DNS, wherever it runs.
    - ports: [{ port: {{ $policy.dnsPort }}, protocol: UDP }, { port: {{ $policy.dnsPort }}, protocol: TCP }]
      to:
        - namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: {{ $policy.dnsNamespace }} } }
        {{- range $policy.dnsCidrs }}
        - ipBlock: { cidr: {{ . | quote }} }
        {{- end }}
    {{- range $redis.egress }}
    - {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- range .egress }}
    - {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- range $policy.otlpEgress }}
    - {{- toYaml . | nindent 6 }}
    {{- end }}
{{- end }}
{{- if $root.Values.podMonitor.enabled }}
---
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata:
  {{- include "holdfast.metadata" (list $root $name "" $root.Values.podMonitor.labels) | nindent 2 }}
spec:
  selector:
    matchLabels:
      {{- include "holdfast.selector" $scope | nindent 6 }}
  podMetricsEndpoints:
    - { port: metrics, interval: {{ $root.Values.podMonitor.interval }} }
{{- end }}
{{- end -}}

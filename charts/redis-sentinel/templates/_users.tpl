{{/* What each Redis user may do. `auth` and `validator` are a copy of services/session/src/redis-users.ts (a test compares
them), `sentinel` and `replica` are what the Redis documentation asks for, and no more. */}}
{{- define "redis-sentinel.rules" -}}
auth: >-
  resetchannels -@all ~hf:s:* ~hf:t:* ~hf:o:* ~hf:rl:*
  +hello +auth +ping +info +role +client|setname
  +fcall +fcall_ro +function|load +function|list +wait +time
  +hget +hgetall +hscan +hlen +hset +hdel +set +pexpireat +pexpiretime
  +zadd +zrem +zrange +zscore +zremrangebyscore
  +dbsize +scan +randomkey
validator: >-
  resetchannels -@all %R~hf:s:* %RW~hf:t:* &__redis__:invalidate
  +hello +auth +ping +info +role +client|setname
  +fcall +fcall_ro +time +hget +hset
  +client|id +client|tracking +subscribe
replica: >-
  resetchannels -@all +psync +replconf +ping
sentinel: >-
  resetchannels &__sentinel__:hello -@all
  +auth +hello +ping +info +role +client|setname +client|kill +script|kill
  +multi +exec +slaveof +replicaof +config|rewrite +publish +subscribe
exporter: >-
  resetchannels -@all +ping +info +client|setname +latency|latest +latency|histogram +slowlog|len
probe: >-
  resetchannels -@all +ping +info +role
{{- end -}}

{{/* Sentinel's `default` user needs no password: what it may do is ask where the primary is, and hear when that changes. */}}
{{- define "redis-sentinel.discoveryRules" -}}
resetchannels &* -@all +auth +hello +ping +info +role +client|setname +client|setinfo +client|id +subscribe +psubscribe +unsubscribe +punsubscribe +sentinel|get-master-addr-by-name +sentinel|master +sentinel|masters +sentinel|replicas +sentinel|slaves +sentinel|sentinels +sentinel|ckquorum
{{- end -}}

{{/* One password of a user, from the seed that only the release's Secret holds: a dict of seed, user, generation. */}}
{{- define "redis-sentinel.password" -}}
{{- printf "%s:%d:%s" .user (int .generation) .seed | sha256sum | printf "%s:%s" .seed | sha256sum -}}
{{- end -}}

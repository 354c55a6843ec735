# shellcheck shell=sh
# shellcheck disable=SC2034 # the scripts that read this file use its variables
# What the entrypoints of Redis and Sentinel and their probes share. Works in the images of Redis and of Valkey.

cli=$(command -v valkey-cli || command -v redis-cli)
server=$(command -v valkey-server || command -v redis-server)
listen=port tls_arguments=
[ "$TLS" = false ] || listen=tls-port tls_arguments="--tls --cacert $TLS_DIR/ca.crt"

# say TEXT: logs it, unless it was the last thing said.
say() {
  [ "$*" = "${said:-}" ] || echo "holdfast: $*"
  said=$*
}

# within SECONDS COMMAND...: repeats it until it succeeds, or the time is over.
within() {
  end=$(($(date +%s) + $1))
  shift
  until "$@"; do
    [ "$(date +%s)" -lt $end ] || return 1
    sleep 0.1
  done
}

# nth N WORD...: the Nth word, counted from 0 as pods are.
nth() {
  shift "$(($1 + 1))"
  echo "$1"
}

# pause SECONDS: a sleep that a signal ends at once.
pause() {
  sleep "$1" &
  wait $! || :
}

# quoted FILE: its text as a quoted word of a configuration file.
quoted() {
  printf '"%s"' "$(sed 's/["\\]/\\&/g' "$1")"
}

# credentials: a sum that changes with any of them.
credentials() {
  cat "$SECRETS_DIR"/* "$TLS_DIR"/* 2>/dev/null | cksum
}

# ask USER ADDRESS PORT COMMAND...: the answer, or nothing where there is none within a second.
ask() {
  user=$1 host=$2 port=$3
  shift 3
  # shellcheck disable=SC2086 # the arguments for TLS are several words
  REDISCLI_AUTH=$(cat "$SECRETS_DIR/$user" 2>/dev/null || :) \
    timeout 1 "$cli" -h "$host" -p "$port" --user "$user" $tls_arguments "$@" 2>/dev/null || :
}

# view SENTINEL: the primary it names and that one's flags, or "none" where it knows of none.
view() {
  ask default "$1" 26379 sentinel master "$MASTER_NAME" | awk '
    /No such master/ { print "none" }
    NR % 2 { key = $0; next }
    { value[key] = $0 }
    END { if ("ip" in value) print value["ip"], value["flags"] }'
}

# views: what each Sentinel says that answers, all asked at once: each that is away costs a second.
views() {
  for sentinel in $SENTINEL_ADDRESSES; do view "$sentinel" & done
  wait
}

# named_primary: the one that most Sentinels name, "none" where every one of them says that it knows of none.
named_primary() {
  views | awk -v list="$SENTINEL_ADDRESSES" '
    { votes[$1]++ }
    END {
      all = split(list, unused)
      for (one in votes) if (votes[one] > all / 2 && (one != "none" || votes[one] == all)) print one
    }'
}

# require_addresses: the kubelet gives a container the addresses of the Services that exist when it starts.
require_addresses() {
  case "$REDIS_ADDRESSES $SENTINEL_ADDRESSES" in
    *\$*)
      say "a Service of a pod has no address yet: restarting to learn it; if this repeats, run helm upgrade again to create the Service"
      exit 1
      ;;
  esac
}

#!/bin/sh
# probe.sh live|ready redis|sentinel
set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"

# here COMMAND...: asks the server of this pod, by its socket.
here() {
  REDISCLI_AUTH=$(cat "$SECRETS_DIR/$user" 2>/dev/null || :) timeout 3 "$cli" -s "$RUN_DIR/redis.sock" --user "$user" "$@" 2>&1
}

user=probe
[ "$2" = redis ] || user=default

case $1-$2 in
  live-*)
    # The first is a pod that waits to learn its role. One that reads its volume (LOADING) or waits for its primary
    # (MASTERDOWN) is busy, not dead: to kill it would only make it begin again.
    [ -e "$RUN_DIR/redis.sock" ] || exit 0
    case $(here ping) in PONG | LOADING* | MASTERDOWN* | BUSY*) ;; *) exit 1 ;; esac
    [ -n "$(find "$RUN_DIR/supervised" -mmin -1)" ] || { echo "nothing supervises this server any more" && exit 1; }
    ;;
  ready-redis)
    state=$(here info replication | tr -d '\r')
    case $state in
      *role:master*)
        [ ! -e "$RUN_DIR/locked" ] || { echo "primary, waiting for most Sentinels to name it" && exit 1; }
        good=$(echo "$state" | sed -n 's/^min_slaves_good_slaves://p')
        [ "${good:-0}" -ge "$MIN_REPLICAS_TO_WRITE" ] || { echo "primary, takes no writes: ${good:-0} replicas" && exit 1; }
        ;;
      *master_link_status:up*slave_priority:[1-9]*) ;;
      *) echo "no copy of the primary's data yet" && exit 1 ;;
    esac
    ;;
  ready-sentinel)
    case $(here sentinel ckquorum "$MASTER_NAME") in OK*) ;; *) echo "no quorum, or no primary known yet" && exit 1 ;; esac
    ;;
esac

#!/bin/sh
# name-primary.sh ADDRESS: tells this pod's Sentinel which Redis is the primary, where none of them knows any more; the others
# ask it. Only an operator can decide that: see the chart's README.
set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
case " $REDIS_ADDRESSES " in
  *" $1 "*) ;;
  *) say "$1 is none of $REDIS_ADDRESSES" && exit 1 ;;
esac
[ "$(named_primary)" = none ] || { say "not every Sentinel says that it knows no primary: nothing is changed" && exit 1; }
REDISCLI_AUTH=$(cat "$SECRETS_DIR/sentinel") "$cli" -s "$RUN_DIR/redis.sock" --user sentinel sentinel monitor "$MASTER_NAME" "$1" 6379 "$QUORUM"
# It starts again with the password that it needs there.
: >"$RUN_DIR/reload"

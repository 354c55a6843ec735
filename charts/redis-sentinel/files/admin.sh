#!/bin/sh
# admin.sh COMMAND...: runs a command as the administrator of this pod's Redis (kubectl exec … -- sh /scripts/admin.sh info).
set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
REDISCLI_AUTH=$(cat "$RUN_DIR/password") exec "$cli" -s "$RUN_DIR/redis.sock" --user pod "$@"

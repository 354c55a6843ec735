#!/bin/sh
# helm test, in a pod without the labels of a client: nobody answers. That the same questions are answered elsewhere, the
# other test proves.
set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"

failed=0
for target in $TARGETS; do
  getent hosts "${target%:*}" >/dev/null || { echo "FAIL  ${target%:*} has no address, so silence proves nothing" && failed=1; }
  answer=$(ask nobody "${target%:*}" "${target##*:}" ping)
  if [ -z "$answer" ]; then
    echo "ok    no answer from $target"
  else
    echo "FAIL  $target answered: $answer (does this cluster's network enforce NetworkPolicies?)" && failed=1
  fi
done
exit $failed

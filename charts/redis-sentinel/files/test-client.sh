#!/bin/sh
# helm test, in a pod that may reach Redis: the primary answers, and each user may do what is promised and no more.
# shellcheck disable=SC2317 # some functions are reached through others only
set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"

failed=0
# expect ANSWER WHAT COMMAND...: the command's answer must begin so.
expect() {
  want=$1 what=$2
  shift 2
  got=$("$@" | head -n 1)
  case $got in
    "$want"*) echo "ok    $what: $got" ;;
    *) echo "FAIL  $what: expected $want, got ${got:-no answer}" && failed=1 ;;
  esac
}

sentinel=${SENTINELS%%,*}
sentinel_port=${sentinel##*:} sentinel=${sentinel%:*}
reached() {
  [ -n "$(ask default "$sentinel" "$sentinel_port" ping)" ]
}

# Some networks let a new pod through after a moment only.
within 30 reached || echo "no answer from $sentinel within 30 seconds"
expect PONG "Sentinel answers without a password" ask default "$sentinel" "$sentinel_port" ping
expect NOPERM "Sentinel's administration needs one" ask default "$sentinel" "$sentinel_port" sentinel reset "$MASTER_NAME"
primary=$(ask default "$sentinel" "$sentinel_port" sentinel get-master-addr-by-name "$MASTER_NAME" | head -n 1)
for user in auth validator; do
  expect PONG "$user reaches the primary" ask $user "$primary" 6379 ping
  expect NOPERM "$user can't list keys" ask $user "$primary" 6379 keys '*'
  expect NOPERM "$user can't run a script" ask $user "$primary" 6379 eval 'return 1' 0
  expect NOPERM "$user can't read the configuration" ask $user "$primary" 6379 config get '*'
  expect NOPERM "$user can't delete everything" ask $user "$primary" 6379 flushall
  expect NOPERM "$user can't write elsewhere" ask $user "$primary" 6379 hset elsewhere field value
done
expect 1 "auth writes a session" ask auth "$primary" 6379 hset hf:s:helm-test field value
expect value "validator reads it" ask validator "$primary" 6379 hget hf:s:helm-test field
expect NOPERM "validator can't change it" ask validator "$primary" 6379 hset hf:s:helm-test field other
expect NOPERM "validator can't end it" ask validator "$primary" 6379 pexpire hf:s:helm-test 1
expect 1 "auth deletes it" ask auth "$primary" 6379 hdel hf:s:helm-test field
expect NOAUTH "nobody gets in without a password" ask nobody "$primary" 6379 get hf:s:helm-test
exit $failed

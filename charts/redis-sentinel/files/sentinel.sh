#!/bin/sh
# Starts one Sentinel. Which primary it watches is on its volume. Where there is nothing, it asks the other Sentinels, then
# looks for a Redis that has become the primary; until there is exactly one answer it runs and says that it knows none.
# shellcheck disable=SC2317 # some functions are reached through others only
set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"

require_addresses
# shellcheck disable=SC2086 # a list of words
self=$(nth "${POD_NAME##*-}" $SENTINEL_ADDRESSES)
config=$DATA_DIR/sentinel.conf

# pods: a comment for each pod with its address; Sentinel keeps comments when it rewrites its file.
pods() {
  for set in redis sentinel; do
    number=0
    if [ $set = redis ]; then addresses=$REDIS_ADDRESSES; else addresses=$SENTINEL_ADDRESSES; fi
    for address in $addresses; do
      echo "# pod $set-$number $address"
      number=$((number + 1))
    done
  done
}

# remembered: the state of the last run. Addresses of Services that were made anew since then, as after an uninstall, are
# replaced by today's; what belongs to no pod of today is left out, as are entries that became the same.
remembered() {
  [ -s "$config" ] || return 0
  pods | awk -v name="$MASTER_NAME" -v quorum="$QUORUM" '
    $1 == "#" && $2 == "pod" && NR == FNR { is[$3] = $4; today[$4]; next }
    $1 == "#" && $2 == "pod" { if ($3 in is) becomes[$4] = is[$3]; next }
    $1 == "sentinel" && $2 ~ /^(myid|monitor|(current|config|leader)-epoch|known-(replica|sentinel))$/ { line[++lines] = $0 }
    END {
      for (i = 1; i <= lines; i++) {
        $0 = line[i]
        if ($2 != "myid" && $2 != "current-epoch") $3 = name
        if ($4 in becomes) $4 = becomes[$4]
        if ($2 == "monitor") $NF = quorum
        if ($2 !~ /^known/ || ($4 in today && !seen[$2 $4]++)) print
      }
    }' - "$config"
}

# find_primary: the one that all Sentinels name that name any, else the one Redis that calls itself the primary.
find_primary() {
  for sentinel in $SENTINEL_ADDRESSES; do
    [ "$sentinel" = "$self" ] || view "$sentinel" | sed 's/ .*//; /^none$/d'
  done | sort -u >"$RUN_DIR/found"
  [ -s "$RUN_DIR/found" ] || for address in $REDIS_ADDRESSES; do
    [ "$(ask sentinel "$address" 6379 role | head -n 1)" != master ] || echo "$address"
  done >"$RUN_DIR/found"
  [ "$(wc -l <"$RUN_DIR/found")" -ne 1 ] || cat "$RUN_DIR/found"
}

# down_after: all Sentinels lose a primary that crashed in the same moment. Were they to miss it in the same moment too, each would
# vote for itself, nobody would be elected, and the next try is due twice the failover timeout later. So they miss it one after
# the other: the one with whom they are a quorum as configured, so never sooner, and no two of them a whole second apart, after which they
# ask each other again.
down_after() {
  # shellcheck disable=SC2086 # a list of words
  count=$(set -- $SENTINEL_ADDRESSES && echo $#)
  echo $((DOWN_AFTER_MS + (${POD_NAME##*-} - QUORUM + 1) * 900 / count))
}

knows_primary() {
  grep -q '^sentinel monitor ' "$config"
}

write_config() {
  password=$(quoted "$SECRETS_DIR/sentinel")
  state=$(remembered)
  case $state in
    *"sentinel monitor "*) primary='' ;;
    *) primary=$(find_primary) ;;
  esac
  {
    pods
    cat "$CONFIG_DIR/sentinel.conf"
    cat <<EOF
port 0
$listen 26379
dir $RUN_DIR
unixsocket $RUN_DIR/redis.sock
aclfile $SECRETS_DIR/users.acl
sentinel announce-ip $self
sentinel announce-port 26379
sentinel sentinel-user sentinel
sentinel sentinel-pass $password
$state
${primary:+sentinel monitor $MASTER_NAME $primary 6379 $QUORUM}
EOF
  } >"$config.new"
  ! grep -q '^sentinel monitor ' "$config.new" || cat >>"$config.new" <<EOF
sentinel auth-user $MASTER_NAME sentinel
sentinel auth-pass $MASTER_NAME $password
sentinel down-after-milliseconds $MASTER_NAME $(down_after)
sentinel failover-timeout $MASTER_NAME $FAILOVER_TIMEOUT_MS
sentinel parallel-syncs $MASTER_NAME 1
EOF
  sync "$config.new"
  mv "$config.new" "$config"
}

# A Service that was made anew has another address, which a container learns only when it starts.
misplaced() {
  [ -n "$reached" ] && [ -z "$(ask default "$self" 26379 ping)" ] && [ -n "$(named_primary)" ]
}

# busy: whether Sentinel used a tenth of a core since the last look, a second ago: half of what the chart lets it have, and ten times
# what it needs.
busy() {
  before=$used
  read -r stat <"/proc/$sentinel_pid/stat" || return 1
  # shellcheck disable=SC2086 # a list of numbers: proc_pid_stat(5), utime and stime in hundredths of a second
  used=$(set -- $stat && echo $((${14} + ${15})))
  [ $((used - before)) -ge 10 ]
}

# spins: whether it is busy with a connection that the network refused at first (an ICMP answer, as to a Service without pods) and that
# was made all the same. The kernel keeps that error ready for it, and it never takes notice (redis/redis#9956). While it still connects it
# is as busy, for a second or two at a time, and a restart would be no help: the next try does the same.
spins() {
  busy && ! grep -qsE '^ *[0-9]+: [0-9A-F:]+ [0-9A-F:]+ 02 ' /proc/net/tcp /proc/net/tcp6
}

# settled: whether this Sentinel is not in the middle of a failover, which no other would bring to its end.
settled() {
  case $(view localhost) in *failover_in_progress*) return 1 ;; esac
}

# The network may let a new pod through after a moment only. Where nobody answers, that may be because all of them start.
anyone_answers() {
  for sentinel in $SENTINEL_ADDRESSES; do
    [ "$sentinel" = "$self" ] || [ -z "$(ask default "$sentinel" 26379 ping)" ] || return 0
  done
  return 1
}

# A Sentinel that restarts misses a second and forgets nothing, so that is how every change takes effect.
supervise() {
  set +e
  loaded=$(credentials) reached='' ticks=0 strikes=0 spinning=0 used=0
  while sleep 1; do
    : >"$RUN_DIR/supervised"
    ticks=$(((ticks + 1) % 10))
    if [ $((ticks % 5)) = 0 ] && [ "$(credentials)" != "$loaded" ]; then
      say "restarting with changed credentials"
    elif [ -e "$RUN_DIR/reload" ]; then
      say "restarting with the primary that an operator named"
    elif ! knows_primary && [ -n "$(find_primary)" ]; then
      say "found a primary: $(cat "$RUN_DIR/found")"
    else
      if spins; then spinning=$((spinning + 1)); else spinning=0; fi
      [ -n "$reached" ] || reached=$(ask default "$self" 26379 ping)
      if [ $ticks = 0 ]; then
        if misplaced; then strikes=$((strikes + 1)); else strikes=0; fi
        [ $strikes -lt 3 ] || { say "the address $self leads nowhere: restarting to learn the new one" && kill "$sentinel_pid"; }
      fi
      # One after the other, should they all.
      [ $spinning -ge $((3 + ${POD_NAME##*-})) ] || continue
      say "Sentinel does nothing but try a broken connection: restarting it"
    fi
    : >"$RUN_DIR/again"
    within 8 settled || :
    kill "$sentinel_pid"
    return
  done
}

stop() {
  trap '' TERM INT
  kill "$supervisor" || :
  within 8 settled || :
  kill "$sentinel_pid"
  wait "$sentinel_pid"
  exit
}

trap 'exit 0' TERM INT
! knows_primary 2>/dev/null || within 5 anyone_answers || :
result=0
: >"$RUN_DIR/again"
while [ -e "$RUN_DIR/again" ]; do
  rm -f "$RUN_DIR/again" "$RUN_DIR/reload" "$RUN_DIR/redis.sock"
  write_config
  "$server" "$config" --sentinel &
  sentinel_pid=$!
  supervise &
  supervisor=$!
  trap stop TERM INT
  result=0
  wait "$sentinel_pid" || result=$?
  kill "$supervisor" 2>/dev/null || :
done
exit $result

#!/bin/sh
# Starts one Redis of the set. It never guesses its role: the Sentinels' majority names the primary. Only where nobody
# has ever had data may pod 0 begin. Until the role is known port 6379 stays shut, so that nobody takes this pod for a
# primary, or copies its emptiness.
# shellcheck disable=SC2317 # some functions are reached by the trap only
set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"

ordinal=${POD_NAME##*-}
require_addresses
# shellcheck disable=SC2086 # a list of words
self=$(nth "$ordinal" $REDIS_ADDRESSES)
lobby='' lobby_port=6380

# here COMMAND...: asks the Redis of this pod as its administrator, whose password no other pod knows.
here() {
  REDISCLI_AUTH=$password timeout 5 "$cli" -s "$RUN_DIR/redis.sock" --user pod "$@"
}

# directory: "complete" when it has held a whole copy of the data, "bootstrap" when it began as the first, or "empty". An
# append-only file alone proves nothing: a replica has one before its first copy has arrived.
directory() {
  if [ -s "$DATA_DIR/appendonlydir/appendonly.aof.manifest" ] && [ -s "$DATA_DIR/state" ]; then
    cat "$DATA_DIR/state"
  else
    echo empty
  fi
}

mark() {
  echo "$1" >"$DATA_DIR/state.new"
  sync "$DATA_DIR/state.new"
  mv "$DATA_DIR/state.new" "$DATA_DIR/state"
}

write_users() {
  {
    cat "$SECRETS_DIR/users.acl"
    echo "user pod on #$(printf %s "$password" | sha256sum | cut -d' ' -f1) ~* &* +@all"
  } >"$RUN_DIR/users.acl"
}

write_config() {
  password=$(head -c 32 /dev/urandom | sha256sum | cut -d' ' -f1)
  echo "$password" >"$RUN_DIR/password"
  write_users
  cat >"$RUN_DIR/redis.conf" <<EOF
include $CONFIG_DIR/redis.conf
port 0
$listen 6379
dir $DATA_DIR
unixsocket $RUN_DIR/redis.sock
aclfile $RUN_DIR/users.acl
masteruser replica
masterauth $(quoted "$SECRETS_DIR/replica")
replica-announce-ip $self
maxmemory $((MEMORY_LIMIT_BYTES * MAXMEMORY_PERCENT / 100))
EOF
}

# An open lobby says: here is a pod with nothing on its volume. A closed one says nothing, so pod 0 waits.
open_lobby() {
  [ -z "$lobby" ] || return 0
  "$server" "$RUN_DIR/redis.conf" "--$listen" $lobby_port --unixsocket '' --dir "$RUN_DIR" --appendonly no --save '' \
    >/dev/null &
  lobby=$!
}

close_lobby() {
  [ -z "$lobby" ] || kill "$lobby"
  [ -z "$lobby" ] || wait "$lobby" || :
}

everyone_is_empty() {
  for address in $REDIS_ADDRESSES; do
    [ "$address" = "$self" ] || [ "$(ask probe "$address" $lobby_port ping)" = PONG ] || return 1
  done
}

# A primary that crashed is back within a second, with every answered write on its volume. But it begins a new history, which
# its replicas copy one after the other, and Sentinel compares offsets of different histories as if they were of one. So where
# they don't have the same, where one is silent, where reading the volume would take long, or where writes can be missing on
# it (RESUME_MAX_MEBIBYTES=0), a replica that is up to date goes first, if there is one.
may_resume() {
  others='' candidate='' differ=''
  for address in $REDIS_ADDRESSES; do
    [ "$address" != "$self" ] || continue
    replication=$(ask probe "$address" 6379 info replication)
    case $replication in *role:master* | *slave_priority:[1-9]*) candidate=$address ;; esac
    history=$(echo "$replication" | grep -E '^(slave_repl_offset|master_replid):') || history=silent
    [ "${others:=$history}" = "$history" ] || differ=1
  done
  [ -z "$candidate" ] || { [ -z "$differ" ] && [ "$(du -sm "$DATA_DIR" | cut -f1)" -le "$RESUME_MAX_MEBIBYTES" ]; }
}

# Sets primary, once it is certain.
find_role() {
  unknown=0
  while :; do
    state=$(directory)
    primary=$(named_primary)
    case $primary in
      '') say "waiting for an answer of most Sentinels" ;;
      none)
        if [ "$state" = complete ]; then
          say "there is data here, but the Sentinels know of no primary: see \"Sentinels that lost their volumes\" in the chart's README"
        elif [ "$ordinal" != 0 ]; then
          say "empty, waiting for pod 0 to begin"
        elif everyone_is_empty; then
          mark bootstrap
          primary=$self
          return
        else
          say "empty, waiting until every other pod says that it is empty too"
        fi
        ;;
      "$self")
        if [ "$state" = empty ]; then
          say "named as the primary, but the volume is empty: waiting for a replica that has the data to take over"
        elif may_resume; then
          return
        else
          say "named as the primary, a replica that is up to date goes first"
        fi
        ;;
      *)
        case " $REDIS_ADDRESSES " in *" $primary "*) return ;; esac
        say "the Sentinels name $primary, which is none of $REDIS_ADDRESSES: waiting for them to learn the new address"
        unknown=$((unknown + 1))
        [ $unknown -lt 30 ] || exit 1
        ;;
    esac
    [ "$state" != empty ] || open_lobby
    pause 1
  done
}

# A primary starts locked and a replica starts as no candidate; supervise lifts both.
write_role() {
  rm -f "$RUN_DIR/locked"
  echo "replica-priority 0"
  if [ "$primary" = "$self" ]; then
    : >"$RUN_DIR/locked"
    echo "min-replicas-to-write 1000"
  else
    echo "replicaof $primary 6379"
    echo "min-replicas-to-write $MIN_REPLICAS_TO_WRITE"
  fi
}

# electable SENTINEL: the replicas it could promote.
electable() {
  ask default "$1" 26379 sentinel replicas "$MASTER_NAME" | awk '
    $0 == "ip" { getline; ip = $0 }
    $0 == "flags" { getline; flags = $0 }
    $0 == "slave-priority" { getline; if (flags == "slave" && $0 > 0) print ip }'
}

# everyone_follows REPLICATION-ID: whether every replica that could be promoted has copied the history of that id. One that has
# not would win by its higher offset over those that confirm what is written from here on.
everyone_follows() {
  for address in $REDIS_ADDRESSES; do
    [ "$address" != "$self" ] || continue
    case $(ask probe "$address" 6379 info replication) in
      *slave_priority:0* | *"master_replid:$1"*) ;;
      '')
        for sentinel in $SENTINEL_ADDRESSES; do
          ! electable "$sentinel" | grep -qxF "$address" || return 1
        done
        ;;
      *) return 1 ;;
    esac
  done
}

# replication_id REPLICATION: of the history that this pod has.
replication_id() {
  id=${1#*master_replid:}
  echo "${id%%[!0-9a-f]*}"
}

# hurry PERIOD SHORT USUAL: for a fifth of a second all Sentinels do so often what they do once in that period, in milliseconds.
hurry() {
  for sentinel in $SENTINEL_ADDRESSES; do
    { echo sentinel debug "$1" "$2" && sleep 0.2 && echo sentinel debug "$1" "$3"; } |
      ask sentinel "$sentinel" 26379 >/dev/null &
  done
}

# hasten: replicas and Sentinels try a connection that was lost once a second. A primary that is back has them try now: a replica when
# it is told of its primary anew, which it is only by another port in between; a Sentinel when it pings more often for a moment. Not
# where one of them misses the primary already: that replica could be the next.
hasten() {
  case $(views) in *down* | *failover*) return ;; esac
  hurry ping-period 100 1000
  for address in $REDIS_ADDRESSES; do
    case $(ask probe "$address" 6379 info replication) in
      *role:slave*"master_host:$self"*master_link_status:down*master_sync_in_progress:0*)
        printf '%s\n' multi "replicaof $self $lobby_port" "replicaof $self 6379" exec |
          ask sentinel "$address" 6379 >/dev/null
        ;;
    esac &
  done
}

# A primary that came back takes writes only when its history is everyone's, and when most Sentinels have seen it up and none
# is about to replace it.
unlock() {
  everyone_follows "$(replication_id "$1")" || return 0
  views | awk -v list="$SENTINEL_ADDRESSES" -v self="$self" '
    $0 == self " master" { agree++; next }
    $1 != "none" { other = 1 }
    END { exit other || agree * 2 <= split(list, unused) }' || return 0
  here config set min-replicas-to-write "$MIN_REPLICAS_TO_WRITE" >/dev/null
  rm "$RUN_DIR/locked"
  mark complete
  say "primary, open for writes"
}

# A replica may be promoted once a whole copy is on its volume, and not while it takes a new one.
set_candidate() {
  [ "$candidate" != "$1" ] || return 0
  here config set replica-priority "$1" >/dev/null || return
  candidate=$1
  [ "$1" = 0 ] || [ "$(directory)" = complete ] || mark complete
  say "replica, priority $1"
}

# outdated REPLICATION: counts in behind for how many seconds the primary has had a history that another replica follows and
# this one does not.
outdated() {
  host=${1#*master_host:}
  case $(ask probe "${host%%[!0-9a-f.:]*}" 6379 info replication) in
    *"master_replid:$id"* | *"master_replid2:$id"*) behind=0 ;;
    *role:master*state=online*) behind=$((behind + 1)) ;;
    *) behind=0 ;;
  esac
}

# A copy has arrived in memory; it is on the volume when the append-only file has been rewritten. That the primary has gone
# meanwhile takes nothing from it: else nobody could be promoted in its place. But a primary that resumed takes no writes
# before every candidate follows it (everyone_follows), so one that can't does not stay a candidate.
follow() {
  id=$(replication_id "$1")
  case $1 in
    *master_link_status:up*)
      behind=0
      [ "$id" = "$copied" ] || { set_candidate 0 && copied=$id && return; }
      ;;
    *) outdated "$1" ;;
  esac
  if [ $behind -ge 5 ]; then
    set_candidate 0 && copied=none
  elif [ "$candidate$behind" = 00 ] && [ "$id" = "$copied" ]; then
    case $(here info persistence) in
      *aof_rewrite_in_progress:0*aof_rewrite_scheduled:0*) set_candidate 100 ;;
    esac
  fi
}

# New passwords and certificates take effect without a restart, and no connection is closed.
load_credentials() {
  write_users
  here acl load >/dev/null
  tr -d '\n' <"$SECRETS_DIR/replica" | here -x config set masterauth >/dev/null
  [ "$TLS" = false ] || here config set tls-cert-file "$TLS_DIR/tls.crt" tls-key-file "$TLS_DIR/tls.key" \
    tls-ca-cert-file "$TLS_DIR/ca.crt" >/dev/null
  say "loaded changed credentials"
}

# replaced: whether most Sentinels name another primary.
replaced() {
  other=$(named_primary)
  [ -n "$other" ] && [ "$other" != none ] && [ "$other" != "$self" ]
}

# address_lost: whether this pod's address, which worked, leads nowhere while other addresses work: its Service was made anew.
# Connections that were open stay so, so neither replicas nor Sentinels notice; but nobody new gets through.
address_lost() {
  [ -n "$reached" ] && [ -z "$(ask probe "$self" 6379 ping)" ] && [ -n "$(named_primary)" ]
}

# True where this pod has no place in the set that it could get back to by itself. A restart is all it takes; a primary hands
# over first.
misplaced() {
  case $1 in
    *role:master*) replaced || address_lost ;;
    *master_link_status:up*) address_lost ;;
    *) false ;;
  esac
}

supervise() {
  set +e
  candidate=0 copied=none behind=0 loaded=$(credentials) reached='' hastened='' ticks=0 strikes=0
  while if [ -e "$RUN_DIR/locked" ]; then sleep 0.1; else sleep 1; fi; do
    : >"$RUN_DIR/supervised"
    ticks=$(((ticks + 1) % 10))
    # The kubelet takes a minute to bring a change, and every second costs a few processes.
    if [ $((ticks % 5)) = 0 ]; then
      current=$(credentials)
      [ "$current" = "$loaded" ] || { load_credentials && loaded=$current; } || continue
    fi
    info=$(here info replication) || continue
    case $info in
      *role:master*)
        if [ -e "$RUN_DIR/locked" ]; then
          if [ -z "$hastened" ] && [ "$(here ping)" = PONG ]; then
            hasten &
            hastened=1
          fi
          unlock "$info"
        fi
        ;;
      *master_sync_in_progress:1*) set_candidate 0 && copied=none ;;
      *) follow "$info" ;;
    esac
    [ -n "$reached" ] || reached=$(ask probe "$self" 6379 ping)
    [ $ticks = 0 ] || continue
    if misplaced "$info"; then strikes=$((strikes + 1)); else strikes=0; fi
    [ $strikes -lt 3 ] || { say "out of place: restarting to join the set again" && kill $$ && return; }
  done
}

# Sentinel looks at a replica every ten seconds, so it may not know yet that one has become a candidate.
candidate_known() {
  for sentinel in $SENTINEL_ADDRESSES; do
    [ -z "$(electable "$sentinel")" ] || return 0
  done
  return 1
}

# An upgrade replaces Sentinels at the same time, so one look may find too few of them.
is_named() {
  named=$(named_primary)
  [ "$named" = "$self" ]
}

# look_now: has Sentinels look at all replicas. In a failover they look again a second later and not before, and only so they
# learn that the one that was chosen is promoted. A promotion takes some 0.3 s, and twice that where the CPU is short.
look_now() {
  hurry info-period 1 10000
  sleep 0.25
  looked_at=$(uptime_cs)
}

# looked_lately: whether a promotion that is ordered now is done by the next look.
looked_lately() {
  [ $(($(uptime_cs) - looked_at)) -lt 40 ]
}

# uptime_cs: a clock that nobody sets, in hundredths of a second (proc_uptime(5)).
uptime_cs() {
  read -r now _ </proc/uptime
  echo "${now%.*}${now#*.}"
}

# refuse_writes REPLICAS: whether so many replicas have all that was written before. Refused, not paused: a paused write would
# hold up the reads behind it on its connection, and a refusal says "try again". WAIT asks the replicas only about what its own
# connection has sent them, and a message is the only thing that this one may still send.
refuse_writes() {
  have=$(printf '%s\n' 'config set min-replicas-to-write 1000' 'publish holdfast:hand-over 1' "wait $1 1000" | here | tail -n 1)
  [ "${have:-0}" -ge "$1" ]
}

# willing_sentinel: the first to answer. One in TILT accepts the order, and does nothing for half a minute.
willing_sentinel() {
  for sentinel in $SENTINEL_ADDRESSES; do
    case $(ask default "$sentinel" 26379 info sentinel) in *sentinel_tilt:0*) echo "$sentinel" ;; esac &
  done | head -n 1
}

# start_failover: whether a Sentinel leads one. Sentinels end too, when a node is drained or a release upgraded, so the one to ask is one
# that has just answered; all have looked. Where it says nothing the order may have reached it, and a second must not lead another.
start_failover() {
  looked_lately || look_now
  sentinel=$(willing_sentinel)
  [ -n "$sentinel" ] || return 1
  case $(ask sentinel "$sentinel" 26379 sentinel failover "$MASTER_NAME") in OK) return 0 ;; esac
  case $(views) in *failover_in_progress*) ;; *) return 1 ;; esac
}

# A primary that is told to stop takes no more writes, lets its replicas catch up, and hands over to one of them.
# Where that can't be done it just stops: the Sentinels then choose by what each replica has.
hand_over() {
  info=$(here info replication || here info replication)
  case $info in *role:master*state=online*) ;; *) return 0 ;; esac
  if ! within 5 is_named || ! within 12 candidate_known; then
    say "not handing over: the Sentinels name ${named:-nobody} as the primary, and a replica has to be a candidate"
    return 0
  fi
  say "handing over"
  look_now
  # Writes are refused until the next look, so not at once; and the order needs time before it.
  sleep 0.2
  if within 5 refuse_writes "$(echo "$info" | grep -c state=online)" && within 3 start_failover && within 10 replaced; then
    say "handed over to $other"
  else
    say "no replica took over"
  fi
}

stop() {
  trap '' TERM INT
  kill "$supervisor" || :
  hand_over || :
  kill "$redis"
  wait "$redis"
  exit
}

# What a killed Redis leaves behind.
rm -f "$RUN_DIR/redis.sock" "$DATA_DIR"/temp-*
write_config
trap 'close_lobby; exit 0' TERM INT
find_role
close_lobby
write_role >>"$RUN_DIR/redis.conf"
say "starting, the primary is $primary"
"$server" "$RUN_DIR/redis.conf" &
redis=$!
supervise &
supervisor=$!
trap stop TERM INT
result=0
wait "$redis" || result=$?
kill "$supervisor"
exit $result

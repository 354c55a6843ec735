#!/bin/bash
# Does what the official image's entrypoint does with an empty data directory: POSTGRES_PASSWORD, _USER, _DB, _INITDB_ARGS and
# _HOST_AUTH_METHOD (each also as <name>_FILE), then /docker-entrypoint-initdb.d, then the server.
set -euo pipefail

from_file() {
  local name=$1 file_name=$1_FILE
  if [ -n "${!file_name:-}" ]; then
    if [ -n "${!name:-}" ]; then echo "set $name or $file_name, not both" >&2; exit 1; fi
    export "$name"="$(< "${!file_name}")"
  fi
  unset "$file_name"
}

initialise() {
  from_file POSTGRES_PASSWORD; from_file POSTGRES_USER; from_file POSTGRES_DB; from_file POSTGRES_INITDB_ARGS
  local user=${POSTGRES_USER:-postgres} method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
  local database=${POSTGRES_DB:-$user}
  if [ -z "${POSTGRES_PASSWORD:-}" ] && [ "$method" != trust ]; then
    echo 'the database is empty and has no superuser password: set POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE' >&2
    exit 1
  fi
  # shellcheck disable=SC2086 # the arguments are meant to be split
  initdb --username="$user" --pwfile=<(printf '%s\n' "${POSTGRES_PASSWORD:-}") ${POSTGRES_INITDB_ARGS:-} > /dev/null
  printf '\nhost all all all %s\n' "$method" >> "$PGDATA/pg_hba.conf"
  # Not on the network until it is ready: a client would find half a database.
  PGPASSWORD=${POSTGRES_PASSWORD:-} pg_ctl -D "$PGDATA" -w start -o "-c listen_addresses=''" > /dev/null
  psql=(psql -v ON_ERROR_STOP=1 --no-psqlrc --username "$user" --no-password)
  export PGPASSWORD=${POSTGRES_PASSWORD:-}
  if [ "$database" != postgres ]; then
    "${psql[@]}" --dbname postgres --set db="$database" <<< 'CREATE DATABASE :"db";' > /dev/null
  fi
  for file in /docker-entrypoint-initdb.d/*; do
    case $file in
      *.sh) if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
      *.sql) "${psql[@]}" --dbname "$database" --file "$file" ;;
    esac
  done
  unset PGPASSWORD
  pg_ctl -D "$PGDATA" -m fast -w stop > /dev/null
}

if [ "${1:0:1}" = - ]; then set -- postgres "$@"; fi
if [ "$1" = postgres ]; then
  mkdir -p "$PGDATA"
  if [ "$(id -u)" = 0 ]; then
    chown postgres "$PGDATA" /var/run/postgresql
    exec setpriv --reuid=postgres --regid=postgres --init-groups -- "$0" "$@"
  fi
  chmod 0700 "$PGDATA" 2> /dev/null || true
  if [ ! -s "$PGDATA/PG_VERSION" ]; then initialise; fi
fi
exec "$@"

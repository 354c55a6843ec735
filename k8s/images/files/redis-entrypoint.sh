#!/bin/sh
# As the official images': a first argument that is an option or a configuration file means the server, and a server that
# starts as root takes its data directory over and becomes its own user.
set -e
server=$(cat /usr/local/share/server-name)
if [ "${1#-}" != "$1" ] || [ "${1%.conf}" != "$1" ]; then set -- "$server" "$@"; fi
if [ "$1" = "$server" ] && [ "$(id -u)" = 0 ]; then
  find . \! -user 999 -exec chown 999:999 '{}' +
  exec setpriv --reuid=999 --regid=999 --clear-groups -- "$0" "$@"
fi
# The database's files are nobody else's, unless whoever starts it chose a mask.
if [ "$(umask)" = 0022 ]; then umask 0077; fi
exec "$@"

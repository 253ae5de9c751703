#!/bin/sh
# The entry point of our two stand-in images: as much of the official postgres image's contract as
# the tests use, so that testcontainers' stock PostgresContainer cannot tell the difference.
#   POSTGRES_PASSWORD (required), POSTGRES_USER, POSTGRES_DB, POSTGRES_INITDB_ARGS, PGDATA,
#   and a command that is either "postgres …" or only its options ("-c wal_level=logical").
# Not here: *_FILE variables, /docker-entrypoint-initdb.d, POSTGRES_HOST_AUTH_METHOD.
set -eu

case "${1:-}" in
  '' | -*) set -- postgres "$@" ;;
  postgres) ;;
  *) exec "$@" ;;
esac

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  : "${POSTGRES_PASSWORD:?must be set, as in the official image}"
  user=${POSTGRES_USER:-postgres}
  database=${POSTGRES_DB:-$user}

  printf '%s\n' "$POSTGRES_PASSWORD" > /tmp/password
  # C.UTF-8 from the server itself where it has it (17 on), which needs no locale on the machine.
  locale=--locale=C.UTF-8
  if initdb --help | grep -q builtin-locale; then
    locale='--locale=C --locale-provider=builtin --builtin-locale=C.UTF-8'
  fi

  # No sync: a container that dies before its first start is thrown away, not recovered.
  # Both variables are split into words on purpose.
  # shellcheck disable=SC2086
  initdb --no-sync --username="$user" --pwfile=/tmp/password --auth=trust \
    --encoding=UTF8 $locale ${POSTGRES_INITDB_ARGS:-}
  rm /tmp/password

  # The official image's rules: trust inside the container, a password from anywhere else.
  echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
  echo "listen_addresses = '*'" >> "$PGDATA/postgresql.conf"

  # In single-user mode, so that "ready to accept connections" is printed once and is then true.
  if [ "$database" != postgres ]; then
    quoted=$(printf '%s' "$database" | sed 's/"/""/g')
    printf 'create database "%s"\n' "$quoted" | postgres --single -j -D "$PGDATA" postgres > /dev/null
  fi
fi

exec "$@"

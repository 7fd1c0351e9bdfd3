#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Run once, by the image's entrypoint, on an empty volume: the store's database, the role that owns
# it and the role that only reads. The index lets the reader read when it makes the tables.
set -eu
psql --username "$POSTGRES_USER" --dbname postgres --no-psqlrc \
    --set ON_ERROR_STOP=1 \
    --set owner="$OWNER_PASSWORD" --set reader="$READER_PASSWORD" <<'SQL'
CREATE ROLE pons LOGIN PASSWORD :'owner';
CREATE ROLE pons_reader LOGIN PASSWORD :'reader';
CREATE DATABASE pons OWNER pons;
REVOKE ALL ON DATABASE pons FROM PUBLIC;
GRANT CONNECT ON DATABASE pons TO pons_reader;
SQL

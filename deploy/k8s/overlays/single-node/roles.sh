#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Run once, by the image's entrypoint, on an empty volume: the store's database, the role that owns
# it and the role that only reads. The index lets the reader read when it makes the tables. psql reads
# the passwords itself: its arguments are in the node's list of processes.
set -eu
psql --username "$POSTGRES_USER" --dbname postgres --no-psqlrc --set ON_ERROR_STOP=1 <<'SQL'
\getenv owner OWNER_PASSWORD
\getenv reader READER_PASSWORD
CREATE ROLE pons LOGIN PASSWORD :'owner';
CREATE ROLE pons_reader LOGIN PASSWORD :'reader';
CREATE DATABASE pons OWNER pons;
REVOKE ALL ON DATABASE pons FROM PUBLIC;
GRANT CONNECT ON DATABASE pons TO pons_reader;
SQL

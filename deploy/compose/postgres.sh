# SPDX-License-Identifier: Apache-2.0
# The database of one store: its owner, which only the index knows, and a role that only reads.
# PostgreSQL's image runs this once, when the volume is new. psql reads the passwords itself: its
# arguments are in the machine's list of processes.
psql --set=ON_ERROR_STOP=1 --username=postgres --dbname=postgres \
    --set=store="$STORE" --set=reader="${STORE}_reader" <<'SQL'
\set owner_password `cat /run/secrets/database_password`
\set reader_password `cat /run/secrets/reader_password`
CREATE ROLE :"store" LOGIN PASSWORD :'owner_password';
CREATE ROLE :"reader" LOGIN PASSWORD :'reader_password';
ALTER ROLE :"reader" SET default_transaction_read_only = on;
CREATE DATABASE :"store" OWNER :"store";
REVOKE ALL ON DATABASE :"store" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"store" TO :"reader";
REVOKE CONNECT ON DATABASE postgres FROM PUBLIC;
SQL

#!/bin/sh
# A database for the ledger of each service. PostgreSQL runs this once, when it makes its data directory. Whoever runs it
# again, after a first start that was cut off or for a service that is new, gets those that are missing.
set -eu
for service in provisioner authorizer notifier car hotel flight tickets coordinator; do
    psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<SQL
SELECT 'CREATE DATABASE ledger_$service'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'ledger_$service') \gexec
SQL
done

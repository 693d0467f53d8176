#!/bin/sh
# Runs once, when PostgreSQL makes its data directory: a database for the ledger of each service.
set -eu
for service in provisioner authorizer notifier car hotel flight tickets coordinator; do
    psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
        --command "CREATE DATABASE ledger_$service"
done

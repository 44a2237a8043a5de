-- Which Salesforce account is which WHMCS client, and which user of the portal: one row a customer, unique each way.
-- It may be run again: what is there stays.
--
--   psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -f id_mappings.sql
--
-- Order provisioning only reads it. For its own user:
--   GRANT SELECT ON id_mappings TO <user>;

BEGIN;

CREATE TABLE IF NOT EXISTS id_mappings (
  sf_account_id text PRIMARY KEY CHECK (sf_account_id ~ '^[A-Za-z0-9]{15}([A-Za-z0-9]{3})?$'),
  whmcs_client_id bigint NOT NULL UNIQUE CHECK (whmcs_client_id > 0),
  portal_user_id text UNIQUE
);

COMMIT;

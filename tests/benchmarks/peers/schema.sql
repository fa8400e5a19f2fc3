-- What the peer keeps. Times are epoch seconds, `proved_ms` epoch milliseconds.
CREATE TABLE organizations (
    id text PRIMARY KEY, valid_until bigint NOT NULL, status text NOT NULL,
    require_device_key boolean NOT NULL
);
CREATE TABLE licenses (
    id text PRIMARY KEY, organization_id text NOT NULL REFERENCES organizations,
    environment text NOT NULL, state text NOT NULL, is_primary boolean NOT NULL,
    machine_id bytea, mac_addresses bytea[] NOT NULL, computer_name bytea,
    identity bytea NOT NULL, secret_version integer NOT NULL, device_key text,
    issued_at bigint NOT NULL, leased_until bigint NOT NULL, proved_ms bigint NOT NULL,
    link text, link_issued_at bigint, link_expires_at bigint,
    is_presented boolean NOT NULL, seen_at bigint NOT NULL, agent_version text, source_address text
);

/**
 * Tables of the ledger's database.
 *
 * @module
 */

export const SCHEMA_VERSION = 1

export const SCHEMA = `
CREATE TABLE blocks (
  number INTEGER PRIMARY KEY,
  hash BLOB NOT NULL,
  time_ms INTEGER NOT NULL,
  is_configuration INTEGER NOT NULL,
  header BLOB NOT NULL,
  signature BLOB NOT NULL
);
CREATE INDEX configuration_blocks ON blocks (number) WHERE is_configuration = 1;
CREATE TABLE transactions (
  place INTEGER PRIMARY KEY,
  tx_id BLOB UNIQUE,
  bytes BLOB NOT NULL
);
CREATE TABLE state (
  key TEXT PRIMARY KEY,
  place INTEGER NOT NULL,
  value TEXT
) WITHOUT ROWID;
CREATE TABLE history (
  key TEXT NOT NULL,
  place INTEGER NOT NULL,
  PRIMARY KEY (key, place)
) WITHOUT ROWID
`

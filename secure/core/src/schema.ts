/**
 * The tables of the trusted application, as numbered migrations. The file is SQLCipher's; besides that, treatment
 * keys are wrapped under the sealing key and record bodies encrypted under a key of their own.
 * Tables of the log and of the authenticated state are made by src/state.
 *
 * @module
 */
import { StorageError } from './errors.ts'
import type { SqlDatabase } from './ports.ts'
import { DIGEST_TABLE } from './state/stored-digests.ts'

/**
 * Each entry moves the format one version up and runs once, inside one transaction with the others that are due.
 * An entry that was released is never edited.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE patient (
    id INTEGER PRIMARY KEY,
    ref TEXT NOT NULL UNIQUE,
    hospital TEXT NOT NULL,
    msp TEXT NOT NULL,
    name TEXT,
    key_version INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    records INTEGER NOT NULL,
    emergencies INTEGER NOT NULL,
    audit_entries INTEGER NOT NULL,
    audit_digest BLOB NOT NULL
  ) STRICT;

  CREATE TABLE treatment_key (
    patient INTEGER NOT NULL,
    version INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (patient, version)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE practitioner (
    ref TEXT PRIMARY KEY,
    hospital TEXT NOT NULL,
    name TEXT NOT NULL,
    department TEXT NOT NULL,
    emergency INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  -- Found by its hash, which the ledger records: needs no other proof.
  CREATE TABLE warrant (
    hash BLOB PRIMARY KEY,
    patient INTEGER NOT NULL,
    jws TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  -- state: 0 waits for the ledger, 1 stored, 2 erased. superseded: 1 once there is a later version.
  CREATE TABLE record (
    id INTEGER PRIMARY KEY,
    record TEXT NOT NULL,
    version INTEGER NOT NULL,
    patient INTEGER NOT NULL,
    state INTEGER NOT NULL,
    superseded INTEGER NOT NULL,
    author TEXT NOT NULL,
    hospital TEXT NOT NULL,
    chain TEXT,
    ehr_type TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    title TEXT,
    codes TEXT,
    date_ms INTEGER,
    staged_ms INTEGER NOT NULL,
    stored_ms INTEGER,
    erased_ms INTEGER,
    ehr_hash BLOB NOT NULL,
    patient_tag BLOB NOT NULL,
    doctor_tag BLOB NOT NULL,
    warrant_hash BLOB NOT NULL,
    previous BLOB NOT NULL,
    text_hash BLOB,
    key_version INTEGER,
    wrapped BLOB,
    batch TEXT,
    batch_index INTEGER,
    tx TEXT,
    block INTEGER,
    log_index INTEGER,
    log_size INTEGER,
    erased_index INTEGER,
    UNIQUE (record, version)
  ) STRICT;
  CREATE INDEX record_by_patient ON record (patient);
  CREATE INDEX record_waiting ON record (staged_ms) WHERE state = 0;

  -- nonce(12) ‖ AES-256-GCM; apart from the row, which changes while the body never does.
  CREATE TABLE record_body (
    id INTEGER PRIMARY KEY,
    body BLOB NOT NULL
  ) STRICT;

  -- Words for search; content of the full-text index.
  CREATE TABLE record_text (
    id INTEGER PRIMARY KEY,
    text TEXT NOT NULL,
    codes TEXT NOT NULL
  ) STRICT;

  CREATE TABLE emergency (
    id TEXT PRIMARY KEY,
    patient INTEGER NOT NULL,
    practitioner TEXT NOT NULL,
    reason TEXT NOT NULL,
    text TEXT NOT NULL,
    opened_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    closed_ms INTEGER,
    log_index INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX emergency_by_patient ON emergency (patient);
  CREATE INDEX emergency_by_practitioner ON emergency (practitioner, until_ms);

  -- Which log entries are about a patient; digest chains each to the one before.
  CREATE TABLE patient_log (
    patient INTEGER NOT NULL,
    number INTEGER NOT NULL,
    log_index INTEGER NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (patient, number)
  ) STRICT, WITHOUT ROWID;
  `,
  // Stored and erased records of each patient, written some hundred at a time (records/record-index.ts).
  `
  CREATE TABLE patient_record (
    patient INTEGER NOT NULL,
    id INTEGER NOT NULL,
    PRIMARY KEY (patient, id)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO patient_record SELECT patient, id FROM record WHERE state > 0 ORDER BY patient, id;
  DROP INDEX record_by_patient;
  `,
  DIGEST_TABLE,
]

/**
 * Words of stored records. FTS5 is not in every build of SQLCipher; without it search goes through record_text.
 * `secure-delete` removes the words of an erased record from the index at once.
 */
const FULL_TEXT = `
  CREATE VIRTUAL TABLE record_fts USING fts5(
    text, codes, content = 'record_text', content_rowid = 'id', detail = 'column', columnsize = 0
  );
  INSERT INTO record_fts (record_fts, rank) VALUES ('secure-delete', 1);
`

/**
 * Brings the database to the current format, all or nothing. An earlier format is left in an open transaction: whether the
 * store becomes this program's is decided later (docs/protocol/10-tee-abi.md §10.8), and without COMMIT nothing changed.
 * @returns whether full-text search is there, and whether that transaction is open.
 * @throws {StorageError} `STORE_DAMAGED` for a format newer than this program.
 */
export function migrate(
  database: SqlDatabase,
  migrations: readonly string[] = MIGRATIONS,
): { readonly hasFullText: boolean; readonly isPending: boolean } {
  database.exec('CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID')
  const version = formatVersion(database)
  const isPending = version > 0 && version < migrations.length
  if (version > migrations.length) throw new StorageError('STORE_DAMAGED', 'the store is of a newer version')
  if (version < migrations.length) {
    database.exec('BEGIN IMMEDIATE')
    for (const migration of migrations.slice(version)) database.exec(migration)
    if (version === 0 && hasFts5(database)) database.exec(FULL_TEXT)
    database
      .prepare(`INSERT INTO meta VALUES ('format', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`)
      .run(Uint8Array.of(migrations.length))
    if (!isPending) database.exec('COMMIT')
  }
  const found = database.prepare(`SELECT count(*) AS n FROM sqlite_master WHERE name = 'record_fts'`).get()
  return { hasFullText: found?.['n'] === 1, isPending }
}

function formatVersion(database: SqlDatabase): number {
  const value = database.prepare(`SELECT value FROM meta WHERE name = 'format'`).get()?.['value']
  return value instanceof Uint8Array ? (value[0] ?? 0) : 0
}

function hasFts5(database: SqlDatabase): boolean {
  return database.prepare(`SELECT 1 AS n FROM pragma_module_list WHERE name = 'fts5'`).get() !== undefined
}

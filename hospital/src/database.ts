/**
 * The hospital's own store: SQLCipher 4 format under a random key (store-key.ts). It holds what the hospital knows of its patients: names, appointments, treatment keys.
 *
 * @module
 */
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3-multiple-ciphers'
import { ProtocolError } from '../../shared/protocol/src/index.ts'
import { readStoreKey, type StoreKeySource } from './store-key.ts'

export type HospitalDatabase = InstanceType<typeof Database>

/** Each entry brings the schema one version further; never edited, only appended. */
const MIGRATIONS = [
  `CREATE TABLE invitation (
     code TEXT PRIMARY KEY, kind TEXT NOT NULL, details TEXT NOT NULL, expires_ms INTEGER NOT NULL, used_by TEXT
   ) STRICT;
   CREATE TABLE patient (
     ref TEXT PRIMARY KEY, name TEXT NOT NULL, details TEXT NOT NULL, registered_ms INTEGER NOT NULL,
     provisioned_version INTEGER NOT NULL DEFAULT 0
   ) STRICT;
   CREATE TABLE treatment_key (
     patient TEXT NOT NULL REFERENCES patient, version INTEGER NOT NULL, ptk BLOB NOT NULL, made_ms INTEGER NOT NULL,
     PRIMARY KEY (patient, version)
   ) STRICT;
   CREATE TABLE practitioner (
     ref TEXT PRIMARY KEY, name TEXT NOT NULL, department TEXT NOT NULL, emergency INTEGER NOT NULL,
     public_key TEXT NOT NULL, seal_key TEXT NOT NULL, chain TEXT NOT NULL, registered_ms INTEGER NOT NULL,
     provisioned INTEGER NOT NULL DEFAULT 0
   ) STRICT;
   CREATE TABLE appointment (
     id TEXT PRIMARY KEY, patient TEXT NOT NULL REFERENCES patient, doctors TEXT NOT NULL, department TEXT NOT NULL,
     start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL, place TEXT NOT NULL, symptoms TEXT NOT NULL, aux TEXT NOT NULL
   ) STRICT;
   CREATE INDEX appointment_start ON appointment (start_ms);
   CREATE TABLE warrant (
     jti TEXT PRIMARY KEY, patient TEXT NOT NULL REFERENCES patient, doctors TEXT NOT NULL, exp_ms INTEGER NOT NULL,
     envelope BLOB NOT NULL
   ) STRICT;
   CREATE TABLE chain (
     id TEXT PRIMARY KEY, patient TEXT NOT NULL REFERENCES patient, next_doctor TEXT NOT NULL, envelope BLOB NOT NULL,
     changed_ms INTEGER NOT NULL
   ) STRICT;`,
  `CREATE TABLE staff (
     id TEXT PRIMARY KEY, name TEXT NOT NULL, roles TEXT NOT NULL, registered_ms INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE staff_key (
     kid TEXT PRIMARY KEY, staff TEXT NOT NULL REFERENCES staff, public_key TEXT NOT NULL, seal_key TEXT NOT NULL,
     label TEXT NOT NULL, added_ms INTEGER NOT NULL, removed_ms INTEGER
   ) STRICT;
   CREATE TABLE device_link (
     id TEXT PRIMARY KEY, code TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, name TEXT NOT NULL,
     expires_ms INTEGER NOT NULL, state TEXT NOT NULL, public_key TEXT, seal_key TEXT, label TEXT, mac TEXT,
     handover TEXT
   ) STRICT;
   CREATE TABLE rekey_request (
     patient TEXT PRIMARY KEY REFERENCES patient, checked_by TEXT NOT NULL, since_ms INTEGER NOT NULL
   ) STRICT;`,
  `CREATE TABLE emergency_review (
     emergency TEXT NOT NULL, verdict TEXT NOT NULL, note TEXT NOT NULL, by TEXT NOT NULL, time_ms INTEGER NOT NULL
   ) STRICT;`,
  `CREATE TABLE smart_app (client_id TEXT PRIMARY KEY, details TEXT NOT NULL, registered_ms INTEGER NOT NULL) STRICT;
   CREATE TABLE smart_key (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
   CREATE TABLE smart_sign_in (
     uid TEXT PRIMARY KEY, code TEXT NOT NULL UNIQUE, details TEXT NOT NULL, expires_ms INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE smart_launch (id TEXT PRIMARY KEY, patient TEXT NOT NULL, expires_ms INTEGER NOT NULL) STRICT;
   CREATE TABLE smart_context (grant_id TEXT PRIMARY KEY, patient TEXT NOT NULL) STRICT;
   CREATE TABLE oauth_model (
     model TEXT NOT NULL, id TEXT NOT NULL, payload TEXT NOT NULL, grant_id TEXT, uid TEXT, expires_ms INTEGER,
     PRIMARY KEY (model, id)
   ) STRICT;
   CREATE INDEX oauth_model_grant ON oauth_model (grant_id);
   CREATE INDEX oauth_model_uid ON oauth_model (model, uid);`,
  `CREATE TABLE outbox (
     record TEXT NOT NULL, version INTEGER NOT NULL, author TEXT NOT NULL, patient TEXT NOT NULL, digest TEXT NOT NULL,
     signed TEXT NOT NULL, envelope BLOB, state TEXT NOT NULL, since_ms INTEGER NOT NULL, place TEXT, receipt TEXT,
     code TEXT, done_ms INTEGER, PRIMARY KEY (record, version)
   ) STRICT;
   CREATE INDEX outbox_state ON outbox (state, since_ms);`,
  `CREATE TABLE bulk_job (
     id TEXT PRIMARY KEY, owner TEXT NOT NULL, request TEXT NOT NULL, state TEXT NOT NULL, done INTEGER NOT NULL,
     total INTEGER NOT NULL, code TEXT, created_ms INTEGER NOT NULL, ended_ms INTEGER
   ) STRICT;
   CREATE TABLE bulk_file (
     job TEXT NOT NULL REFERENCES bulk_job, n INTEGER NOT NULL, use TEXT NOT NULL, type TEXT NOT NULL,
     count INTEGER NOT NULL, content BLOB NOT NULL, PRIMARY KEY (job, n)
   ) STRICT;`,
  `CREATE TABLE rekey (person TEXT PRIMARY KEY, checked_by TEXT NOT NULL, since_ms INTEGER NOT NULL) STRICT;
   INSERT INTO rekey SELECT patient, checked_by, since_ms FROM rekey_request;
   DROP TABLE rekey_request;`,
  `ALTER TABLE emergency_review ADD COLUMN report_tx TEXT;`,
  `CREATE TABLE question (
     id TEXT PRIMARY KEY, patient TEXT NOT NULL REFERENCES patient, kind TEXT NOT NULL, about_kind TEXT NOT NULL,
     about_id TEXT NOT NULL, text TEXT NOT NULL, asked_ms INTEGER NOT NULL, answer TEXT, answered_by TEXT,
     answered_ms INTEGER
   ) STRICT;
   CREATE INDEX question_patient ON question (patient, asked_ms);`,
  `ALTER TABLE appointment ADD COLUMN reminded_ms INTEGER;`,
] as const

export function storePath(folder: string): string {
  return join(folder, 'registry.db')
}

/**
 * Opens or creates the store in `folder`.
 * @param source where its key is; default: a file beside it.
 * @throws {ProtocolError} `STORE_DAMAGED` if it does not open with the key.
 */
export function openHospitalDatabase(
  folder: string,
  source: StoreKeySource = { from: 'file' },
  environment: Record<string, string | undefined> = {},
): HospitalDatabase {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const key = readStoreKey(source, folder, environment)
  const db = new Database(storePath(folder))
  try {
    unlock(db, key)
    db.pragma('journal_mode=WAL')
    db.pragma('synchronous=FULL')
    db.pragma('foreign_keys=ON')
    db.pragma('secure_delete=ON')
    db.pragma('temp_store=MEMORY')
    migrate(db)
    return db
  } catch (cause) {
    db.close()
    throw damaged(cause)
  } finally {
    key.fill(0)
  }
}

/** Reads every page of a copy. @throws {ProtocolError} `STORE_DAMAGED` */
export function checkStoreCopy(path: string, key: Buffer): void {
  let db: HospitalDatabase | undefined
  try {
    db = new Database(path, { readonly: true, fileMustExist: true })
    unlock(db, key)
    if (db.pragma('integrity_check', { simple: true }) !== 'ok') throw damaged()
    if ((db.pragma('foreign_key_check') as unknown[]).length > 0) throw damaged()
  } catch (cause) {
    throw damaged(cause)
  } finally {
    db?.close()
  }
}

/** Whether a service has it open. */
export function isStoreInUse(folder: string, key: Buffer): boolean {
  if (!existsSync(storePath(folder))) return false
  const db = new Database(storePath(folder), { timeout: 0 })
  try {
    unlock(db, key)
    // In WAL mode this needs every lock there is.
    db.pragma('locking_mode=EXCLUSIVE')
    db.exec('BEGIN EXCLUSIVE; COMMIT')
    return false
  } catch (error) {
    return (error as { code?: unknown }).code === 'SQLITE_BUSY'
  } finally {
    db.close()
  }
}

function unlock(db: HospitalDatabase, key: Buffer): void {
  db.pragma(`cipher='sqlcipher'`)
  db.pragma('legacy=4')
  db.pragma(`key="x'${key.toString('hex')}'"`)
}

function migrate(db: HospitalDatabase): void {
  const version = db.pragma('user_version', { simple: true })
  if (typeof version !== 'number' || version > MIGRATIONS.length) throw new Error('the store is of a newer release')
  MIGRATIONS.slice(version).forEach((sql, i) => {
    db.transaction(() => {
      db.exec(sql)
      db.pragma(`user_version=${version + i + 1}`)
    })()
  })
}

function damaged(cause?: unknown): ProtocolError {
  return new ProtocolError('STORE_DAMAGED', 'the store of the hospital does not open', { cause })
}

/**
 * What a trusted application remembers of a store that is not its own yet: whom it follows or restores, and the key of
 * that store once it has it. In a small database under this device's own key, so that a start knows what this is.
 * Spec: docs/protocol/11-replica.md §11.4, 12-recovery-shares.md §12.5.
 *
 * @module
 */
import { TrustedApplicationError } from '../errors.ts'
import { deriveStoreKeys, seal, unseal } from '../keys/sealing.ts'
import type { DatabasePort, SqlDatabase, TrustedApplicationPorts } from '../ports.ts'

const PAIRING = 'pairing.db'
const TABLE = 'CREATE TABLE IF NOT EXISTS pairing (name TEXT PRIMARY KEY, sealed BLOB NOT NULL) STRICT, WITHOUT ROWID'

/**
 * `configuration`: of the server that this follows; `restoring`: of the server whose store this restores; `root`: 32
 * bytes, of that store; `own`: 32 bytes, the root that the copy here is under instead; `promoted`: the store is open here,
 * this is a server as any other; `set`: number of the set of shares that `root` came from.
 */
export type PairingName = 'configuration' | 'restoring' | 'root' | 'own' | 'promoted' | 'set'

export interface Pairing {
  find(name: PairingName): Uint8Array | undefined
  write(name: PairingName, value: Uint8Array): void
}

/**
 * A platform that could not tell at its next start what it was makes neither replicas nor restored servers.
 * @throws {TrustedApplicationError} `TEE_NOT_OFFERED`
 */
export function checkOffersReplicas(database: DatabasePort): void {
  if (database.has === undefined) throw new TrustedApplicationError('TEE_NOT_OFFERED')
}

/** Whether there is anything to remember. */
export function hasPairing({ database }: TrustedApplicationPorts): boolean {
  return database.has?.(PAIRING) === true
}

/** The database is open for as long as that takes only; what was written is durable then. */
export function withPairing<T>(ports: TrustedApplicationPorts, use: (pairing: Pairing) => T): T {
  const { crypto } = ports
  const keys = deriveStoreKeys(crypto, ports.deviceKey)
  const database: SqlDatabase = ports.database.open(PAIRING, keys.database)
  try {
    database.exec(TABLE)
    const select = database.prepare('SELECT sealed FROM pairing WHERE name = ?')
    const upsert = database.prepare(
      'INSERT INTO pairing VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed',
    )
    database.exec('BEGIN IMMEDIATE')
    const result = use({
      find: (name) => {
        const sealed = select.get(name)?.['sealed']
        return sealed instanceof Uint8Array ? unseal(crypto, keys.seal, [PAIRING, name], sealed) : undefined
      },
      write: (name, value) => upsert.run(name, seal(crypto, keys.seal, [PAIRING, name], value)),
    })
    database.exec('COMMIT')
    return result
  } finally {
    database.close()
  }
}

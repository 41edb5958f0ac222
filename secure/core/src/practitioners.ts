/**
 * Doctors that hospitals made known to this server: names for the patient's access log.
 *
 * @module
 */
import { label } from '../../../shared/crypto/src/index.ts'
import { encodeCbor } from '../../../shared/protocol/src/index.ts'
import type { SqlRow, SqlStatement } from './ports.ts'
import { integerOf, textOf } from './sql-values.ts'
import type { Store } from './store.ts'

export interface Practitioner {
  readonly ref: string
  readonly hospital: string
  readonly name: string
  readonly department: string
  /** Whether the hospital lets this doctor use emergency access; the certificate must say so too. */
  readonly emergency: boolean
  readonly changedMs: number
}

const KIND = 'practitioner'
const ROW = label('ta-practitioner-row')

export class Practitioners {
  readonly #store: Store
  readonly #select: SqlStatement
  readonly #upsert: SqlStatement

  constructor(store: Store) {
    this.#store = store
    this.#select = store.database.prepare('SELECT * FROM practitioner WHERE ref = ?')
    this.#upsert = store.database.prepare(
      `INSERT INTO practitioner VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (ref) DO UPDATE SET
       hospital = excluded.hospital, name = excluded.name, department = excluded.department,
       emergency = excluded.emergency, changed_ms = excluded.changed_ms`,
    )
  }

  /** @throws {StorageError} `STATE_ROLLED_BACK` */
  find(ref: string): Practitioner | undefined {
    const row = this.#select.get(ref)
    if (row === undefined) {
      this.#store.state.checkAbsent(KIND, ref)
      return undefined
    }
    const practitioner = practitionerOf(row)
    this.#store.state.checkRow(KIND, ref, this.#digest(practitioner))
    return practitioner
  }

  put(practitioner: Practitioner): void {
    this.#store.beginWrite()
    const { ref, hospital, name, department, emergency, changedMs } = practitioner
    this.#upsert.run(ref, hospital, name, department, emergency ? 1 : 0, changedMs)
    this.#store.state.set(KIND, ref, this.#digest(practitioner))
  }

  #digest({ ref, hospital, name, department, emergency, changedMs }: Practitioner): Uint8Array {
    return this.#store.crypto.sha256(ROW, encodeCbor([ref, hospital, name, department, emergency, changedMs]))
  }
}

function practitionerOf(row: SqlRow): Practitioner {
  return {
    ref: textOf(row, 'ref'),
    hospital: textOf(row, 'hospital'),
    name: textOf(row, 'name'),
    department: textOf(row, 'department'),
    emergency: integerOf(row, 'emergency') === 1,
    changedMs: integerOf(row, 'changed_ms'),
  }
}

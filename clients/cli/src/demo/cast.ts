/**
 * Who plays, and what the acts hand on to each other.
 *
 * @module
 */
import type { GrantId, RecordId } from '../../../../shared/protocol/src/index.ts'
import type { StoredRecord } from '../../../sdk/src/author.ts'
import type { DoctorClient } from '../../../sdk/src/doctor.ts'
import type { IssuedWarrant, PatientClient } from '../../../sdk/src/patient.ts'
import { Surprise } from './expect.ts'
import type { Stage } from './stage.ts'

/** Names carry no title: "Dr" is put before a doctor's name where it is shown. */
export const BOB = 'Bob Li'
export const ALICE = 'Alice Martin'
export const WEI = 'Wei Chen'
export const ADA = 'Ada Okoye'
/** Of the second hospital. */
export const OMAR = 'Omar Haddad'
/** Of the second hospital, with the attribute for emergency access. */
export const NADIA = 'Nadia Petrov'

/** What one step leaves for the next ones. */
interface Props {
  bob: PatientClient
  alice: DoctorClient
  wei: DoctorClient
  ada: DoctorClient
  omar: DoctorClient
  nadia: DoctorClient
  /** Bob's permission for Alice. */
  permission: IssuedWarrant
  /** Bob's permission for the group of three. */
  groupPermission: IssuedWarrant
  result: StoredRecord
  /** A part of the group's work, to be erased. */
  note: RecordId
  grant: GrantId
  /** Checks that Bob's result passes. */
  emergencyId: string
}

export class Scene {
  readonly stage: Stage
  readonly #props: Partial<Props> = {}

  constructor(stage: Stage) {
    this.stage = stage
  }

  set<K extends keyof Props>(name: K, value: Props[K]): Props[K] {
    this.#props[name] = value
    return value
  }

  /** @throws {Surprise} if the step that makes it did not succeed. */
  get<K extends keyof Props>(name: K): Props[K] {
    const value = this.#props[name]
    if (value === undefined) throw new Surprise(`an earlier step did not leave: ${name}`)
    return value
  }
}

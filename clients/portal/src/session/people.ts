/**
 * Names of doctors and hospitals: the directory of this hospital, those that other hospitals publish, and names that came
 * with entries of the access log. Who has no name here keeps a short reference.
 *
 * @module
 */
import type { HospitalRef, PractitionerRef } from '../../../../shared/protocol/src/index.ts'
import { checkListedDoctor, readDirectories, type OtherHospital } from '../../../sdk/src/directories.ts'
import { codeOf } from '../../../sdk/src/errors.ts'
import type { WorkerContext } from './worker-context.ts'

export interface Doctor {
  readonly ref: string
  readonly name: string
  readonly department: string
  readonly place: string
  /** The other hospital whose list names her. */
  readonly listedBy?: string
}

const SHORT = 10
/** Lists of other hospitals are kept this long, and that there was none. */
const OTHERS_MS = 60_000

export class People {
  readonly #context: WorkerContext
  #directory: Promise<ReadonlyMap<string, Doctor>> | undefined
  #others: { readonly found: Promise<readonly OtherHospital[]>; readonly untilMs: number } | undefined
  readonly #checked = new Map<string, Promise<boolean>>()
  #forId: string | undefined

  constructor(context: WorkerContext) {
    this.#context = context
  }

  async nameOf(ref: string): Promise<string> {
    const { kept } = await this.#context.acting()
    if (ref === kept.ref) return kept.name
    const hospital = kept.facts.hospitals.find((one) => one.ref === ref)
    if (hospital !== undefined) return hospital.name
    const doctor = (await this.#doctors()).get(ref)
    if (doctor !== undefined) return doctor.name
    for (const other of await this.others()) {
      if (other.ref === ref) return other.name
      const listed = other.practitioners.find((one) => one.ref === ref)
      // A hospital names its own doctors only.
      if (listed !== undefined && (await this.#isOf(other.ref, listed.ref))) return withTitle(listed.name)
    }
    return `${ref.slice(0, SHORT)}…`
  }

  /** Of a member of the ledger. */
  async organizationName(mspId: string): Promise<string> {
    const { kept } = await this.#context.acting()
    return kept.facts.hospitals.find((one) => one.mspId === mspId)?.name ?? mspId
  }

  async doctors(): Promise<readonly Doctor[]> {
    return [...(await this.#doctors()).values()]
  }

  /** Other hospitals and the doctors whom they list. Never throws. */
  async others(): Promise<readonly OtherHospital[]> {
    const { kept, options } = await this.#actingAsBefore()
    const { crypto, hospital, ledger, identity } = options
    const nowMs = this.#context.clock.nowMs()
    if (this.#others === undefined || this.#others.untilMs <= nowMs) {
      const as = { ref: kept.ref, signer: identity.signer }
      const found = readDirectories({ crypto, hospital, ledger }, as).catch(() => [])
      this.#others = { found, untilMs: nowMs + OTHERS_MS }
    }
    return await this.#others.found
  }

  async #isOf(hospital: HospitalRef, doctor: PractitionerRef): Promise<boolean> {
    const { options } = await this.#actingAsBefore()
    const key = `${hospital} ${doctor}`
    const checking =
      this.#checked.get(key) ??
      checkListedDoctor(options.ledger, hospital, doctor).then(
        () => true,
        (error: unknown) => {
          // Only what the ledger said is kept.
          if (codeOf(error) !== 'DIRECTORY_ENTRY_REJECTED') this.#checked.delete(key)
          return false
        },
      )
    this.#checked.set(key, checking)
    return await checking
  }

  /** What was kept for somebody else is forgotten. */
  async #actingAsBefore() {
    const acting = await this.#context.acting()
    if (this.#forId !== acting.kept.id) {
      this.#directory = undefined
      this.#others = undefined
      this.#checked.clear()
    }
    this.#forId = acting.kept.id
    return acting
  }

  async #doctors(): Promise<ReadonlyMap<string, Doctor>> {
    const { kept, options } = await this.#actingAsBefore()
    this.#directory ??= this.#load(kept.facts.hospital.name, () =>
      options.hospital.practitioners({ ref: kept.ref, signer: options.identity.signer }),
    )
    return await this.#directory
  }

  async #load(
    place: string,
    fetch: () => Promise<readonly { readonly ref: string; readonly name: string; readonly department: string }[]>,
  ): Promise<ReadonlyMap<string, Doctor>> {
    try {
      const found = await fetch()
      return new Map(found.map(({ ref, name, department }) => [ref, { ref, name: withTitle(name), department, place }]))
    } catch {
      // Names are not worth an error: references stand in their place, and the next question asks again.
      this.#directory = undefined
      return new Map()
    }
  }
}

export function withTitle(name: string): string {
  return /^(dr|prof)\b/i.test(name) ? name : `Dr ${name}`
}

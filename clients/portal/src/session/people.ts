/**
 * Names of doctors and hospitals: the directory of this hospital, the hospitals of the consortium, and names that came
 * with entries of the access log. Who has no name here keeps a short reference.
 *
 * @module
 */
import type { WorkerContext } from './worker-context.ts'

export interface Doctor {
  readonly ref: string
  readonly name: string
  readonly department: string
  readonly place: string
}

const SHORT = 10

export class People {
  readonly #context: WorkerContext
  #directory: Promise<ReadonlyMap<string, Doctor>> | undefined
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
    return doctor?.name ?? `${ref.slice(0, SHORT)}…`
  }

  /** Of a member of the ledger. */
  async organizationName(mspId: string): Promise<string> {
    const { kept } = await this.#context.acting()
    return kept.facts.hospitals.find((one) => one.mspId === mspId)?.name ?? mspId
  }

  async doctors(): Promise<readonly Doctor[]> {
    return [...(await this.#doctors()).values()]
  }

  async #doctors(): Promise<ReadonlyMap<string, Doctor>> {
    const { kept, options } = await this.#context.acting()
    if (this.#forId !== kept.id) this.#directory = undefined
    this.#forId = kept.id
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

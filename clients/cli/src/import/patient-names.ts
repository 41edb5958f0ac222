/**
 * Which patient of this system a file means by `Patient/1` or `urn:uuid:…`. Learned when a Patient resource was
 * registered by an import; never guessed: a name that could be two patients is none.
 *
 * @module
 */
import { join } from 'node:path'
import {
  patientRefShape,
  record,
  struct,
  literal,
  text,
  type PatientRef,
} from '../../../../shared/protocol/src/index.ts'
import { readJsonFile, writePrivateFile } from '../files.ts'

const fileShape = struct({
  v: literal(1),
  /** Reference by name. */
  names: record(text({ min: 1, max: 1_024 }), patientRefShape, { max: 65_536 }),
})

export class PatientNames {
  readonly #path: string
  readonly #names: Map<string, PatientRef>

  private constructor(path: string, names: Map<string, PatientRef>) {
    this.#path = path
    this.#names = names
  }

  /** @param hospital slug: each hospital's files have names of their own. */
  static open(folder: string, hospital: string): PatientNames {
    const path = join(folder, `patients-${hospital}.json`)
    const known = readJsonFile(path)
    const names = known === undefined ? {} : fileShape(known, 'names of patients').names
    return new PatientNames(path, new Map(Object.entries(names)))
  }

  find(name: string): PatientRef | undefined {
    return this.#names.get(withoutVersion(name))
  }

  learn(names: readonly string[], patient: PatientRef): void {
    for (const name of names) this.#names.set(withoutVersion(name), patient)
    writePrivateFile(this.#path, `${JSON.stringify({ v: 1, names: Object.fromEntries(this.#names) })}\n`)
  }
}

/** A reference to one version of a patient is about that patient. */
function withoutVersion(name: string): string {
  return name.replace(/\/_history\/[^/]*$/, '')
}

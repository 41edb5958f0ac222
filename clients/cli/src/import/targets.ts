/**
 * For whom an import stores: the patient of each resource, and the permission it is stored under.
 *
 * @module
 */
import type { FhirResource } from '../../../../shared/fhir/src/index.ts'
import type { PatientRef } from '../../../../shared/protocol/src/index.ts'
import { DoctorClient } from '../../../sdk/src/doctor.ts'
import { HospitalClient } from '../../../sdk/src/hospital.ts'
import type { Author } from '../../../sdk/src/author.ts'
import { CommandError } from '../command-error.ts'
import type { ImportTarget } from './importer.ts'
import type { ResourceItem } from './items.ts'
import type { PatientNames } from './patient-names.ts'

/** Registers a patient out of a Patient resource, with a registration warrant for the hospital. */
export type RegisterPatient = (resource: FhirResource) => Promise<PatientRef>

export interface TargetOptions {
  readonly author: Author
  /** Every resource is about this patient. */
  readonly patient?: PatientRef
  readonly names: PatientNames
  /** Absent: Patients that are not known are refused. */
  readonly register?: RegisterPatient
}

export function importTarget({ author, patient, names, register }: TargetOptions): ImportTarget {
  const warrants = new Map<PatientRef, Promise<string>>()
  return {
    author,
    async patientOf(item) {
      if (patient !== undefined) return patient
      if (item.patient === undefined) return undefined
      const known = findKnown(names, item)
      if (known !== undefined) return known
      if (item.resource.resourceType !== 'Patient' || register === undefined) throw unresolved(item)
      const registered = await register(item.resource)
      names.learn(item.aliases ?? [item.patient], registered)
      return registered
    },
    warrantFor(ref) {
      let warrant = warrants.get(ref)
      if (warrant === undefined) {
        warrant = warrantOf(author, ref)
        warrants.set(ref, warrant)
        warrant.catch(() => warrants.delete(ref))
      }
      return warrant
    },
  }
}

function findKnown(names: PatientNames, { patient = '', aliases = [] }: ResourceItem): PatientRef | undefined {
  const found = new Set([patient, ...aliases].flatMap((name) => names.find(name) ?? []))
  return found.size === 1 ? [...found][0] : undefined
}

async function warrantOf(author: Author, patient: PatientRef): Promise<string> {
  if (author instanceof HospitalClient) return await author.registrationWarrant(patient)
  if (author instanceof DoctorClient) return (await author.warrantFor(patient)).jws
  throw new CommandError('CLIENT_USAGE', { what: 'Doctors and hospitals import records.' })
}

function unresolved({ patient = '' }: ResourceItem): CommandError {
  return new CommandError('FHIR_UNRESOLVED_PATIENT', {
    reason: `${patient} is no patient that an import registered here`,
  })
}

/** Name and birth date as a front desk writes them down; digits that synthetic names carry are left out. */
export function patientFacts(resource: FhirResource): { readonly name: string; readonly birthDate?: string } {
  const names = Array.isArray(resource['name']) ? (resource['name'] as readonly HumanName[]) : []
  const best = names.find((one) => one.use === 'official') ?? names.find((one) => one.use === 'usual') ?? names[0]
  const given = Array.isArray(best?.given) ? best.given.filter((one) => typeof one === 'string') : []
  const parts = [given[0] ?? '', typeof best?.family === 'string' ? best.family : '']
  const structured = parts
    .map((part) => part.replaceAll(/\d+/g, '').trim())
    .filter((part) => part !== '')
    .join(' ')
  const name = structured || (typeof best?.text === 'string' ? best.text : '') || 'No name'
  const birthDate = resource['birthDate']
  return {
    name: name.slice(0, 128),
    ...(typeof birthDate === 'string' && /^\d{4}(-\d{2}(-\d{2})?)?$/.test(birthDate) ? { birthDate } : {}),
  }
}

interface HumanName {
  readonly use?: unknown
  readonly text?: unknown
  readonly family?: unknown
  readonly given?: readonly unknown[]
}

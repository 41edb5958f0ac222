/**
 * What somebody may see of a type: whose resources, and which of them where a scope has a query
 * (`patient/Observation.rs?category=laboratory`, SMART App Launch 2 §3.0.2.9).
 *
 * @module
 */
import type { PatientRef } from '../../../shared/protocol/src/index.ts'
import type { Searchable } from './candidate.ts'
import { isPersonal } from './compartment.ts'
import { FhirRequestError } from './errors.ts'
import type { PatientIds } from './patients.ts'
import type { Allowance, FhirAccess, FhirActor, Interaction } from './ports.ts'
import { filtersOfScope } from './search-query.ts'
import { plainCheck } from './search-run.ts'

export interface SightParts {
  readonly access: FhirAccess
  readonly ids: PatientIds
  readonly base: string
}

type Reaches = (patient: PatientRef | undefined) => boolean

/** For one actor, one interaction and one type. */
export interface Sight {
  sees(one: Searchable): boolean
  /** Whether anything of this patient's may be seen, whatever is in it. */
  readonly reaches: Reaches
  /** A scope with a query decides: what is in a version has to be looked at. */
  readonly asksContent: boolean
}

const NOTHING: Sight = { sees: () => false, reaches: () => false, asksContent: false }

/** @throws {FhirRequestError} `FHIR_FORBIDDEN` when no scope allows it at all. */
export function sightOf(parts: SightParts, actor: FhirActor, interaction: Interaction, type: string): Sight {
  const allowed = parts.access.may(actor, interaction, type)
  const isWrite = interaction === 'c' || interaction === 'u' || interaction === 'd'
  if (allowed.length === 0) throw forbidden(actor, interaction, type)
  if (actor.kind === 'patient' && isWrite) {
    // The hospital signs what is written here; patients sign for themselves, with keys that only they have.
    throw new FhirRequestError('FHIR_FORBIDDEN', { detail: 'patients write with their own key' })
  }
  const rules = allowed.map((one) => ({
    reaches: reachOf(parts, actor, one.reach, type),
    fits: fitsOf(parts, type, one.query),
  }))
  return {
    sees: (one) => rules.some(({ reaches, fits }) => reaches(one.patient) && fits(one)),
    reaches: (patient) => rules.some(({ reaches }) => reaches(patient)),
    asksContent: allowed.some(({ query }) => query !== undefined),
  }
}

/** As `sightOf`; nothing where no scope allows it. */
export function sightOrNothing(parts: SightParts, actor: FhirActor, interaction: Interaction, type: string): Sight {
  try {
    return sightOf(parts, actor, interaction, type)
  } catch {
    return NOTHING
  }
}

function reachOf({ access }: SightParts, actor: FhirActor, reach: Allowance['reach'], type: string): Reaches {
  const isTreated = (patient: PatientRef) => actor.kind !== 'practitioner' || access.mayTreat(actor.id, patient)
  if (reach === 'own' || actor.kind === 'patient') {
    // Doctors, places, medicines are nobody's own; a patient who has not registered is somebody else.
    return (patient) => (patient === undefined ? !isPersonal(type) : patient === actor.patient && isTreated(patient))
  }
  if (actor.kind !== 'practitioner') return () => true
  return (patient) => (patient === undefined ? type !== 'Patient' : isTreated(patient))
}

function fitsOf({ ids, base }: SightParts, type: string, query: string | undefined): (one: Searchable) => boolean {
  if (query === undefined) return () => true
  const filters = filtersOfScope(type, query)
  if (filters === undefined) return () => false
  const checks = filters.map((filter) => plainCheck(filter, { base, resolvePatient: (id) => ids.resolve(id) }))
  return (one) => checks.every((check) => check(one))
}

function forbidden({ kind, patient }: FhirActor, interaction: Interaction, type: string): FhirRequestError {
  const level = kind === 'system' ? 'system' : patient === undefined ? 'user' : 'patient'
  return new FhirRequestError('FHIR_FORBIDDEN', { detail: `needs a scope such as ${level}/${type}.${interaction}` })
}

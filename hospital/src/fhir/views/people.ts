/**
 * The hospital's registry as FHIR: patients who registered a key, its doctors, and the hospital itself. A Patient resource
 * that somebody wrote goes before what the registry says.
 *
 * @module
 */
import { PARTICIPANT_SYSTEM } from '../../../../shared/fhir/src/index.ts'
import type { Candidate, View } from '../candidate.ts'
import type { Directory, KnownPatient, KnownPractitioner } from '../ports.ts'
import { searchValuesOf } from '../search-values.ts'
import type { FhirStore } from '../store.ts'

export function patientView(directory: Directory, store: FhirStore): View {
  // Once a Patient resource says who somebody is, the registry need not.
  const isWritten = ({ ref }: KnownPatient) =>
    store.find('Patient', ref) !== undefined ||
    store.patientIds(ref).some((id) => store.find('Patient', id) !== undefined)
  const make = (one: KnownPatient) => candidate(patientResource(one, directory), one.registeredMs, one.ref)
  return {
    type: 'Patient',
    find: (id) => {
      const one = directory.findPatient(id)
      return Promise.resolve(one === undefined || isWritten(one) ? undefined : make(one))
    },
    list: () =>
      Promise.resolve(
        directory
          .patients()
          .filter((one) => !isWritten(one))
          .map(make),
      ),
  }
}

export function practitionerView(directory: Directory): View {
  const make = (one: KnownPractitioner) => candidate(practitionerResource(one), one.registeredMs)
  return {
    type: 'Practitioner',
    find: (id) => {
      const one = directory.practitioners().find(({ ref }) => ref === id)
      return Promise.resolve(one === undefined ? undefined : make(one))
    },
    list: () => Promise.resolve(directory.practitioners().map(make)),
  }
}

export function organizationView({ hospital }: Directory): View {
  const own = candidate(
    {
      resourceType: 'Organization',
      id: hospital.ref,
      identifier: [participant(hospital.ref)],
      active: true,
      type: [
        {
          coding: [
            {
              system: 'http://terminology.hl7.org/CodeSystem/organization-type',
              code: 'prov',
              display: 'Healthcare Provider',
            },
          ],
        },
      ],
      name: hospital.name,
    },
    0,
  )
  return {
    type: 'Organization',
    find: (id) => Promise.resolve(id === hospital.ref ? own : undefined),
    list: () => Promise.resolve([own]),
  }
}

function patientResource({ ref, name, birthDate, contact }: KnownPatient, { hospital }: Directory): MadeResource {
  return {
    resourceType: 'Patient',
    id: ref,
    identifier: [participant(ref)],
    active: true,
    name: [{ text: name }],
    ...(contact === undefined ? {} : { telecom: [telecomOf(contact)] }),
    ...(birthDate === undefined ? {} : { birthDate }),
    managingOrganization: { reference: `Organization/${hospital.ref}`, display: hospital.name },
  }
}

function practitionerResource({ ref, name, department }: KnownPractitioner): MadeResource {
  return {
    resourceType: 'Practitioner',
    id: ref,
    identifier: [participant(ref)],
    active: true,
    name: [{ text: name }],
    ...(department === '' ? {} : { qualification: [{ code: { text: department } }] }),
  }
}

function participant(value: string): object {
  return { system: PARTICIPANT_SYSTEM, value }
}

function telecomOf(value: string): object {
  if (value.includes('@')) return { system: 'email', value }
  return /^[+\d][\d ()/-]{3,}$/.test(value) ? { system: 'phone', value } : { system: 'other', value }
}

export interface MadeResource {
  readonly resourceType: string
  readonly id: string
  readonly [element: string]: unknown
}

/** A made resource as candidate; its version is 1. */
export function candidate(
  resource: MadeResource,
  changedMs: number,
  patient?: Candidate['patient'],
  versionId = '1',
): Candidate {
  return {
    type: resource.resourceType,
    id: resource.id,
    versionId,
    changedMs,
    text: JSON.stringify(resource),
    values: searchValuesOf(resource),
    ...(patient === undefined ? {} : { patient }),
  }
}

/**
 * What a front desk writes down of a Patient resource.
 *
 * @module
 */
import type { FhirResource } from '../../../shared/fhir/src/index.ts'
import { isObject, listOf, textOf } from '../../../shared/fhir/src/json-value.ts'

const MAX_NAME = 128
const MAX_CONTACT = 256

export interface PatientFacts {
  readonly name: string
  readonly birthDate?: string
  readonly contact?: string
}

export function factsOf(resource: FhirResource): PatientFacts {
  const names = listOf(resource['name']).filter(isObject)
  const best = names.find(({ use }) => use === 'official') ?? names.find(({ use }) => use === 'usual') ?? names[0] ?? {}
  const given = listOf(best['given']).flatMap((one) => textOf(one) ?? [])
  const structured = [...given, textOf(best['family']) ?? ''].join(' ').trim()
  const telecom = listOf(resource['telecom']).filter(isObject)
  const contact = telecom.flatMap(({ system, value }) =>
    system === 'phone' || system === 'email' ? (textOf(value) ?? []) : [],
  )[0]
  const birthDate = textOf(resource['birthDate'])
  return {
    name: (textOf(best['text']) ?? (structured || 'No name')).slice(0, MAX_NAME),
    ...(birthDate !== undefined && /^\d{4}(-\d{2}(-\d{2})?)?$/.test(birthDate) ? { birthDate } : {}),
    ...(contact === undefined ? {} : { contact: contact.slice(0, MAX_CONTACT) }),
  }
}

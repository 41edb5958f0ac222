/**
 * The CapabilityStatement, out of the tables that answer requests: it cannot promise what they do not do.
 *
 * @module
 */
import { RESOURCE_TYPES } from '../../../shared/fhir/src/index.ts'
import { isPersonal } from './compartment.ts'
import { PATCH_TYPE } from './json-patch.ts'
import { OPERATIONS } from './operations.ts'
import { searchParametersOf } from './r4-tables.ts'
import type { DeletePolicy } from './writer.ts'
import { MODIFIERS } from './search-match.ts'

export const FHIR_VERSION = '4.0.1'

export const INTERACTIONS = [
  'read',
  'vread',
  'update',
  'patch',
  'delete',
  'history-instance',
  'create',
  'search-type',
] as const
export const SYSTEM_INTERACTIONS = ['transaction', 'batch'] as const

/** Resources of these types are also made by the server; what it makes cannot be written. */
export const MADE_BY_SERVER: Readonly<Record<string, string>> = {
  Patient: 'The registry’s patients (ids p-…) until a Patient resource says more.',
  Practitioner: 'The hospital’s doctors (ids d-…).',
  Organization: 'The hospital itself (id h-…).',
  Consent:
    'Permissions that patients signed (w-…, g-…): single records as provision.data, clinical dates as dataPeriod, and what is kept back, or whom a sanction keeps out, as a nested provision of type deny. A Consent of the same shape with status proposed is a request to the patient; active ones need the patient’s signature and are refused.',
  AuditEvent: 'The record server’s access log (log-…), in the shape of IHE BALP.',
  Task: 'What patients were asked to destroy (e-…), where the policy of DELETE is to ask them.',
  Provenance: 'Of every version of a record (r-….n): commitment, ledger transaction, log proof, receipt.',
  Binary: 'Of every version of a record (r-….n): the exact bytes that were signed.',
}

/** What DELETE does to the record of a patient. */
const DELETE_WORDS: Readonly<Record<DeletePolicy, string>> = {
  withdraw: 'A record is taken out of this API; it is not destroyed.',
  'request-erase':
    'A record is taken out of this API, and the patient is asked to destroy it: 202, and a Task that says what came of it.',
  refuse: 'Refused for records of patients (405).',
}

export interface CapabilityFacts {
  readonly base: string
  readonly name: string
  readonly version: string
  /** When the program started. */
  readonly dateMs: number
  readonly validation: string
  readonly deletePolicy: DeletePolicy
  /** OAuth 2 addresses, where SMART App Launch is served. */
  readonly oauth?: { readonly authorize: string; readonly token: string; readonly register?: string }
}

export function capabilityStatement(facts: CapabilityFacts): object {
  const { base, name, version, dateMs, validation, deletePolicy, oauth } = facts
  return {
    resourceType: 'CapabilityStatement',
    status: 'active',
    date: new Date(dateMs).toISOString(),
    publisher: name,
    kind: 'instance',
    software: { name: 'TrustHealth', version },
    implementation: { description: `FHIR R4 façade of ${name}`, url: base },
    fhirVersion: FHIR_VERSION,
    format: ['application/fhir+json', 'json'],
    patchFormat: [PATCH_TYPE],
    rest: [
      {
        mode: 'server',
        documentation: `Records are kept by an attested record server and can be checked: see Provenance. Validation on write: ${validation}.`,
        security: {
          cors: true,
          service: [
            {
              coding: [
                { system: 'http://terminology.hl7.org/CodeSystem/restful-security-service', code: 'SMART-on-FHIR' },
              ],
            },
          ],
          ...(oauth === undefined ? {} : { extension: [oauthExtension(oauth)] }),
        },
        resource: RESOURCE_TYPES.map((type) => resourceOf(type, deletePolicy)),
        interaction: SYSTEM_INTERACTIONS.map((code) => ({ code })),
        searchParam: ['_id', '_lastUpdated', '_profile', '_security', '_source', '_tag'].map((code) => ({
          name: code,
          type: searchParametersOf('Basic').get(code)?.kind,
        })),
        operation: Object.entries(OPERATIONS)
          .filter(([, { type }]) => type === undefined)
          .map(operationOf),
      },
    ],
  }
}

function resourceOf(type: string, deletePolicy: DeletePolicy): object {
  const parameters = [...searchParametersOf(type).values()]
  const references = parameters.filter(({ kind }) => kind === 'reference').map(({ name }) => `${type}:${name}`)
  const made = MADE_BY_SERVER[type]
  const keeping = isPersonal(type)
    ? 'Becomes a record of the patient whom it names; without a patient it stays in the hospital’s own store.'
    : 'Kept in the hospital’s own store.'
  const operations = Object.entries(OPERATIONS)
    .filter(([, row]) => row.type === type)
    .map(operationOf)
  if (type === 'Patient') {
    operations.unshift({ name: 'everything', definition: 'http://hl7.org/fhir/OperationDefinition/Patient-everything' })
  }
  return {
    type,
    documentation: [made, keeping].filter((text) => text !== undefined).join(' '),
    interaction: INTERACTIONS.map((code) =>
      code === 'delete' && isPersonal(type) ? { code, documentation: DELETE_WORDS[deletePolicy] } : { code },
    ),
    versioning: 'versioned-update',
    readHistory: true,
    updateCreate: true,
    conditionalCreate: true,
    conditionalRead: 'not-match',
    conditionalUpdate: true,
    conditionalDelete: 'single',
    ...(references.length === 0 ? {} : { searchInclude: ['*', ...references] }),
    searchRevInclude: ['Provenance:target', 'AuditEvent:entity'],
    searchParam: parameters.map(({ name, kind }) => ({ name, type: kind })),
    ...(operations.length === 0 ? {} : { operation: operations }),
  }
}

function operationOf([name, { purpose }]: [string, { readonly purpose: string }]) {
  const plain = name.slice(1)
  return {
    name: plain,
    definition: `https://trusthealth.example/fhir/OperationDefinition/${plain}`,
    documentation: purpose,
  } as { name: string; definition: string; documentation?: string }
}

function oauthExtension({ authorize, token, register }: NonNullable<CapabilityFacts['oauth']>): object {
  const uri = (url: string, valueUri: string) => ({ url, valueUri })
  return {
    url: 'http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris',
    extension: [
      uri('authorize', authorize),
      uri('token', token),
      ...(register === undefined ? [] : [uri('register', register)]),
    ],
  }
}

/** `:missing`, and the modifiers of a kind, as the documentation lists them. */
export function modifiersOf(kind: keyof typeof MODIFIERS): readonly string[] {
  return ['missing', ...MODIFIERS[kind], ...(kind === 'reference' ? ['[type]'] : [])]
}

/**
 * A hospital with its FHIR façade, and a plain HTTP client of it. Bob has a registration warrant: the hospital may keep
 * records of his.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PatientClient } from '../../clients/sdk/src/index.ts'
import { PRACTICE_TOKEN_FILE } from '../../hospital/src/fhir/practice-token.ts'
import {
  openTestWorld,
  participantOptions,
  register,
  type TestWorld,
  type TestWorldOptions,
} from '../../testkit/src/world/index.ts'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** Parsed; `undefined` for an empty body and for what is no JSON. */
  readonly json: unknown
}

export interface ResourceName {
  readonly resourceType: string
  readonly id: string
}

export interface Bundle {
  readonly total?: number
  readonly link?: readonly { readonly relation: string; readonly url: string }[]
  readonly entry?: readonly {
    readonly fullUrl?: string
    readonly resource?: ResourceName & Readonly<Record<string, unknown>>
    readonly search?: { readonly mode: string }
    readonly response?: {
      readonly status: string
      readonly location?: string
      readonly etag?: string
      readonly outcome?: unknown
    }
  }[]
}

export type Ask = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<Answer>

export interface FhirScene extends AsyncDisposable {
  readonly world: TestWorld
  readonly bob: PatientClient
  readonly base: string
  readonly token: string
  readonly fhir: Ask
}

export async function openFhirScene(options: TestWorldOptions = {}): Promise<FhirScene> {
  const world = await openTestWorld(options)
  const bob = await world.patient('bob')
  await permitHospital(world, bob)
  return { world, bob, ...practiceAccess(world), [Symbol.asyncDispose]: () => world.close() }
}

/** Hospital A's FHIR API with its practice token. */
export function practiceAccess(world: TestWorld): Pick<FhirScene, 'base' | 'token' | 'fhir'> {
  const base = `${world.surroundings('a').hospitalUrl}/fhir`
  const token = readFileSync(join(world.hospitalFolder('a'), PRACTICE_TOKEN_FILE), 'utf8').trim()
  return { base, token, fhir: asker(base, `Bearer ${token}`) }
}

/** The registration warrant: the hospital keeps records of the patient. */
export async function permitHospital(
  world: TestWorld,
  patient: PatientClient,
  scope: readonly string[] = ['*'],
  days = 300,
): Promise<void> {
  const nowMs = world.clock.nowMs()
  await patient.issueWarrant({
    doctors: [world.hospitalRef('a')],
    hospital: world.hospitalRef('a'),
    fromMs: nowMs - 1_000,
    untilMs: nowMs + days * 86_400_000,
    scope,
    aux: 'registration',
  })
}

/** Somebody registers with the code that `$invite` gave, and lets the hospital keep records. */
export async function registerWithCode(world: TestWorld, code: string): Promise<PatientClient> {
  const surroundings = world.surroundings('a')
  const staff = { invite: () => Promise.resolve({ code }) }
  const { identity } = await register(surroundings, staff, { kind: 'patient', name: 'not used' })
  const client = new PatientClient(participantOptions(surroundings, identity))
  await permitHospital(world, client)
  client.close()
  return client
}

/** Asks as whoever has the token. */
export function asker(base: string, authorization: string): Ask {
  return async (method, path, body, headers = {}) => {
    const response = await fetch(path.startsWith('http') ? path : `${base}${path}`, {
      method,
      headers: {
        ...(authorization === '' ? {} : { authorization }),
        ...(body === undefined ? {} : { 'content-type': 'application/fhir+json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const isJson = /[/+]json/.test(response.headers.get('content-type') ?? '')
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: text === '' || !isJson ? undefined : JSON.parse(text),
    }
  }
}

/** Our code in an OperationOutcome. */
export function codeOf({ json }: Pick<Answer, 'json'>): string | undefined {
  const outcome = json as {
    readonly resourceType?: string
    readonly issue?: readonly { readonly details?: { readonly coding: readonly { readonly code: string }[] } }[]
  }
  return outcome.resourceType === 'OperationOutcome' ? outcome.issue?.[0]?.details?.coding[0]?.code : undefined
}

/** Ids of the matches of a search, in order. */
export function idsOf({ json }: Pick<Answer, 'json'>, mode = 'match'): readonly string[] {
  const { entry = [] } = json as Bundle
  return entry.flatMap(({ resource, search }) => (search?.mode === mode ? [resource?.id ?? ''] : []))
}

/** A laboratory result of a patient. */
export function hba1c(patient: string, value: number, more: Readonly<Record<string, unknown>> = {}): object {
  return {
    resourceType: 'Observation',
    status: 'final',
    category: [
      { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' }] },
    ],
    code: { coding: [{ system: 'http://loinc.org', code: '59261-8', display: 'HbA1c' }], text: 'HbA1c' },
    subject: { reference: `Patient/${patient}` },
    effectiveDateTime: '2026-11-14T09:30:00Z',
    valueQuantity: { value, unit: 'mmol/mol', system: 'http://unitsofmeasure.org', code: 'mmol/mol' },
    ...more,
  }
}

/** A little under what a record may have. */
export const LARGE_BYTES = 3 * 2 ** 20

/** A document of Bob's with an attachment of that size. */
export async function storeLarge({ bob, fhir }: FhirScene, id: string): Promise<void> {
  const document = {
    resourceType: 'DocumentReference',
    id,
    status: 'current',
    subject: { reference: `Patient/${bob.ref}` },
    content: [{ attachment: { contentType: 'text/plain', data: 'QUJD'.repeat(LARGE_BYTES / 4) } }],
  }
  assert.equal((await fhir('PUT', `/DocumentReference/${id}`, document)).status, 201, id)
}

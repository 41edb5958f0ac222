/**
 * A hospital with its FHIR façade, and a plain HTTP client of it. Bob has a registration warrant: the hospital may keep
 * records of his.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { PatientClient } from '../../clients/sdk/src/index.ts'
import { PRACTICE_TOKEN_FILE } from '../../hospital/src/fhir/practice-token.ts'
import { openTestWorld, register, type TestWorld } from '../../testkit/src/world/index.ts'
import { participantOptions } from '../../testkit/src/world/index.ts'
import { PatientClient as Patient } from '../../clients/sdk/src/index.ts'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** Parsed; `undefined` for an empty body. */
  readonly json: Json
}

// oxlint-disable-next-line typescript/no-explicit-any -- FHIR JSON of any shape, in tests only.
export type Json = any

export interface FhirScene extends AsyncDisposable {
  readonly world: TestWorld
  readonly bob: PatientClient
  readonly base: string
  readonly token: string
  readonly fhir: (
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<Answer>
}

export async function openFhirScene(): Promise<FhirScene> {
  const world = await openTestWorld()
  const bob = await world.patient('bob')
  await permitHospital(world, bob)
  const base = `${world.surroundings('a').hospitalUrl}/fhir`
  const token = readFileSync(join(world.hospitalFolder('a'), PRACTICE_TOKEN_FILE), 'utf8').trim()
  return {
    world,
    bob,
    base,
    token,
    fhir: (method, path, body, headers = {}) => ask(base, token, method, path, body, headers),
    [Symbol.asyncDispose]: () => world.close(),
  }
}

/** The registration warrant: the hospital keeps records of the patient. */
export async function permitHospital(world: TestWorld, patient: PatientClient): Promise<void> {
  const nowMs = world.clock.nowMs()
  await patient.issueWarrant({
    doctors: [world.hospitalRef('a')],
    hospital: world.hospitalRef('a'),
    fromMs: nowMs - 1_000,
    untilMs: nowMs + 300 * 86_400_000,
    scope: ['*'],
    aux: 'registration',
  })
}

/** Somebody registers with the code that `$invite` gave, and lets the hospital keep records. */
export async function registerWithCode(world: TestWorld, code: string): Promise<PatientClient> {
  const surroundings = world.surroundings('a')
  const staff = { invite: () => Promise.resolve({ code }) }
  const { identity } = await register(surroundings, staff, { kind: 'patient', name: 'not used' })
  const client = new Patient(participantOptions(surroundings, identity))
  await permitHospital(world, client)
  return client
}

async function ask(
  base: string,
  token: string,
  method: string,
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  const response = await fetch(path.startsWith('http') ? path : `${base}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/fhir+json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  const isJson = /json/.test(response.headers.get('content-type') ?? '')
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: text === '' || !isJson ? undefined : (JSON.parse(text) as unknown),
  }
}

/**
 * Operations on one resource, beside `$everything`: `$verify` runs the seven checks of a record against the ledger,
 * `Patient/[id]/$invite` gives the code with which the patient registers a key, `Consent/[id]/$terms` says what the
 * patient would sign.
 *
 * @module
 */
import { formatInstant, parseResource } from '../../../shared/fhir/src/index.ts'
import { FhirRequestError } from './errors.ts'
import type { FhirRequest, FhirResponse, FhirServiceParts } from './interactions.ts'
import { factsOf } from './patient-facts.ts'
import { termsOf } from './views/consents.ts'

interface OperationRow {
  /** Absent: every type. */
  readonly type?: string
  readonly method: 'GET' | 'POST'
  readonly purpose: string
  readonly run: (parts: FhirServiceParts, request: FhirRequest, type: string, id: string) => Promise<object>
}

/** The same rows stand in the CapabilityStatement and in docs/fhir.md. */
export const OPERATIONS: Readonly<Record<string, OperationRow>> = {
  $verify: {
    method: 'GET',
    purpose:
      'Runs the seven checks of a record against the ledger and the record server’s log: pass, fail or skip, each with its reason.',
    run: verify,
  },
  $invite: {
    type: 'Patient',
    method: 'POST',
    purpose: 'A registration code for a patient who has no key yet; staff and systems only.',
    run: invite,
  },
  $terms: {
    type: 'Consent',
    method: 'GET',
    purpose: 'What the patient would sign to make a proposed Consent a permission.',
    run: terms,
  },
}

export async function runOperation(
  parts: FhirServiceParts,
  request: FhirRequest,
  type: string,
  id: string,
  name: string,
): Promise<FhirResponse> {
  const row = Object.hasOwn(OPERATIONS, name) ? OPERATIONS[name] : undefined
  if (row === undefined || (row.type !== undefined && row.type !== type) || row.method !== request.method) {
    throw new FhirRequestError('FHIR_NOT_SUPPORTED', { detail: `${request.method} ${type}/[id]/${name.slice(0, 64)}` })
  }
  return { status: 200, text: JSON.stringify(await row.run(parts, request, type, id)) }
}

async function verify({ library, records }: FhirServiceParts, { actor }: FhirRequest, type: string, id: string) {
  const { row } = await library.get(actor, 'r', type, id)
  if (row?.record === undefined) {
    throw new FhirRequestError('FHIR_NOT_SUPPORTED', { detail: `${type}/${id} is no record: it names no patient` })
  }
  const report = await records.verify(await library.answerOf(actor, row))
  const part = (name: string, value: string) => ({ name, valueString: value })
  return {
    resourceType: 'Parameters',
    parameter: [
      {
        name: 'verified',
        valueBoolean: report.checks.every(({ result }) => result === 'pass') && report.checks.length === 7,
      },
      { name: 'practice', valueBoolean: report.practice },
      part('record', report.recordId),
      { name: 'version', valuePositiveInt: report.version },
      part('ledgerTransaction', report.txId),
      { name: 'ledgerBlock', valueUnsignedInt: report.block },
      ...report.checks.map((check) => ({
        name: 'check',
        part: [
          part('id', check.id),
          part('result', check.result),
          ...(check.code === undefined ? [] : [part('code', check.code)]),
          part('reason', check.reason),
          { name: 'when', valueInstant: formatInstant(check.timeMs) },
        ],
      })),
    ],
  }
}

async function invite(
  { library, directory, store, ids }: FhirServiceParts,
  { actor }: FhirRequest,
  _type: string,
  id: string,
) {
  const isStaff = actor.kind === 'staff' || actor.kind === 'system'
  const found = await library.get(actor, 'u', 'Patient', id)
  if (!isStaff) throw new FhirRequestError('FHIR_FORBIDDEN', { detail: 'staff and systems invite' })
  if (found.row === undefined || found.row.record !== undefined || ids.resolve(id) !== undefined) {
    throw new FhirRequestError('FHIR_NOT_SUPPORTED', { detail: 'the patient has registered already' })
  }
  const { text } = await library.versionOf(actor, found)
  const { code, expiresMs } = directory.invite(factsOf(parseResource(text)))
  store.addInvitation(code, id)
  return {
    resourceType: 'Parameters',
    parameter: [
      { name: 'code', valueString: code },
      { name: 'expires', valueInstant: formatInstant(expiresMs) },
    ],
  }
}

async function terms({ library }: FhirServiceParts, { actor }: FhirRequest, _type: string, id: string) {
  const found = await library.get(actor, 'r', 'Consent', id)
  const asked = termsOf(parseResource((await library.versionOf(actor, found)).text))
  return {
    resourceType: 'Parameters',
    parameter: [
      ...asked.doctors.map((doctor) => ({ name: 'doctor', valueString: doctor })),
      { name: 'hospital', valueString: asked.hospital },
      { name: 'from', valueInstant: formatInstant(asked.notBeforeMs) },
      { name: 'until', valueInstant: formatInstant(asked.notAfterMs) },
      ...asked.scope.map((kind) => ({ name: 'scope', valueCode: kind })),
      ...(asked.aux === undefined ? [] : [{ name: 'aux', valueString: asked.aux }]),
    ],
  }
}

/**
 * `/v1/erase-requests`: patients see what the hospital asks them to destroy, and answer. To agree, the patient's device
 * erases the record in its own session with the record server, and then says so here.
 *
 * @module
 */
import { Type, type Static } from 'typebox'
import { patientRefShape, ProtocolError, type PatientRef } from '../../shared/protocol/src/index.ts'
import type { EraseRequests } from './fhir/erase-requests.ts'
import type { Caller } from './request-auth.ts'
import type { RouteParts } from './route-parts.ts'
import { requireStaff } from './staff/roles.ts'

const AnswerBody = Type.Object(
  { answer: Type.Union([Type.Literal('erased'), Type.Literal('kept')]) },
  { additionalProperties: false },
)

export function registerEraseRoutes(
  { server, caller }: RouteParts,
  requests: Pick<EraseRequests, 'list' | 'keep' | 'erased'>,
): void {
  server.get('/v1/erase-requests', async (request) => {
    const who = await caller(request)
    if (who.role === 'patient') return { requests: requests.list(patientRefOf(who)) }
    requireStaff(who, 'records')
    return { requests: requests.list() }
  })
  server.post('/v1/erase-requests/:id', { schema: { body: AnswerBody } }, async (request) => {
    const patient = patientRefOf(await caller(request))
    const { id } = request.params as { id: string }
    const { answer } = request.body as Static<typeof AnswerBody>
    return answer === 'kept' ? requests.keep(id, patient) : await requests.erased(id, patient)
  })
}

function patientRefOf({ role, ref }: Caller): PatientRef {
  if (role !== 'patient') throw new ProtocolError('TEE_FORBIDDEN', 'only the patient answers')
  return patientRefShape(ref, 'caller')
}

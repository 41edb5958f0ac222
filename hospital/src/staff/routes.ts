/**
 * `/v1/staff`, `/v1/whoami`: members of staff, their registration and their keys.
 *
 * @module
 */
import { Type, type Static } from 'typebox'
import { encodeBase64url } from '../../../shared/crypto/src/index.ts'
import { patientRefShape, practitionerRefShape } from '../../../shared/protocol/src/index.ts'
import { B64u, Code, DeviceLabel, MAX_REGISTRATION_BYTES, type RouteParts } from '../route-parts.ts'
import type { RegistrationRequest } from '../registrations.ts'
import { requireStaff } from './roles.ts'
import type { Staff } from './staff.ts'

export const RegistrationBody = Type.Object(
  { code: Code, publicKey: B64u(87), sealKey: B64u(43), label: DeviceLabel, proof: B64u(86) },
  { additionalProperties: false },
)

export function registerStaffRoutes({ server, caller, nowMs, guard }: RouteParts, staff: Staff): void {
  server.get('/v1/whoami', async (request) => {
    const who = await caller(request)
    return { ...staff.describe(who), kid: who.kid, sealKey: encodeBase64url(who.sealKey) }
  })
  server.get('/v1/staff', async (request) => {
    requireStaff(await caller(request), 'staff')
    return { staff: staff.registry.list() }
  })
  server.post(
    '/v1/staff/registrations',
    { bodyLimit: MAX_REGISTRATION_BYTES, schema: { body: RegistrationBody } },
    async (request) => {
      const body = request.body as Static<typeof RegistrationBody> & RegistrationRequest
      return await guard.guard(request.ip, nowMs(), () => staff.register(body, nowMs()))
    },
  )
  server.delete('/v1/staff/:id/keys/:kid', async (request) => {
    const { id, kid } = request.params as { id: string; kid: string }
    const who = await caller(request)
    // Everybody may drop an own device.
    if (who.staff?.id !== id) requireStaff(who, 'staff')
    staff.registry.removeKey(id, kid, nowMs())
    return { ok: true }
  })
  server.get('/v1/rekeys', async (request) => {
    const who = await caller(request)
    requireStaff(who, 'people')
    return { rekeys: staff.waitingRekeys(who, nowMs()) }
  })
  server.post('/v1/patients/:ref/rekeys', async (request) => {
    const { ref } = request.params as { ref: string }
    const who = await caller(request)
    requireStaff(who, 'people')
    return staff.confirmRekey(who, patientRefShape(ref, 'patient'), nowMs())
  })
  server.post('/v1/practitioners/:ref/rekeys', async (request) => {
    const { ref } = request.params as { ref: string }
    const who = await caller(request)
    requireStaff(who, 'people')
    return staff.confirmRekey(who, practitionerRefShape(ref, 'doctor'), nowMs())
  })
}

/**
 * `/v1/codes` and `/v1/devices`: what a code is for, and further devices.
 *
 * @module
 */
import { Type, type Static } from 'typebox'
import { B64u, Code, DeviceLabel, MAX_REGISTRATION_BYTES, type RouteParts } from '../route-parts.ts'
import type { Joining } from './joining.ts'

const LinkBody = Type.Object(
  { ttlSeconds: Type.Optional(Type.Integer({ minimum: 60, maximum: 86_400 })) },
  { additionalProperties: false },
)
const CodeBody = Type.Object({ code: Code }, { additionalProperties: false })
const JoinBody = Type.Object(
  { code: Code, publicKey: B64u(87), sealKey: B64u(43), label: DeviceLabel, mac: B64u(43), proof: B64u(86) },
  { additionalProperties: false },
)
const ApproveBody = Type.Object({ handover: Type.Optional(B64u(16_384)) }, { additionalProperties: false })

export function registerDeviceRoutes({ server, caller, nowMs, guard }: RouteParts, joining: Joining): void {
  const unsigned = { bodyLimit: MAX_REGISTRATION_BYTES }
  // A POST, so that codes stand in no log of addresses.
  server.post('/v1/codes', { ...unsigned, schema: { body: CodeBody } }, async (request) => {
    const { code } = request.body as Static<typeof CodeBody>
    return await guard.guard(request.ip, nowMs(), () => joining.describe(code, nowMs()))
  })
  server.post('/v1/devices/links', { schema: { body: LinkBody } }, async (request) => {
    const { ttlSeconds } = request.body as Static<typeof LinkBody>
    const { code, expiresMs } = joining.createLink(await caller(request), ttlSeconds, nowMs())
    return { code, expiresMs }
  })
  server.post('/v1/devices/joins', { ...unsigned, schema: { body: JoinBody } }, async (request) => {
    const body = request.body as Static<typeof JoinBody>
    return await guard.guard(request.ip, nowMs(), () => joining.join(body, nowMs()))
  })
  server.get('/v1/devices/joins', async (request) => ({ joins: joining.waiting(await caller(request), nowMs()) }))
  server.post('/v1/devices/joins/:id/approve', { schema: { body: ApproveBody } }, async (request) => {
    const { id } = request.params as { id: string }
    const { handover } = request.body as Static<typeof ApproveBody>
    await joining.approve(await caller(request), id, handover, nowMs())
    return { ok: true }
  })
  server.post('/v1/devices/joins/:id/refuse', async (request) => {
    const { id } = request.params as { id: string }
    joining.refuse(await caller(request), id, nowMs())
    return { ok: true }
  })
}

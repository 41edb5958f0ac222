/**
 * `/v1/recovery`: the hospital's technical staff see which recovery share it has, and give it to new hardware.
 *
 * @module
 */
import { Type, type Static } from 'typebox'
import type { RouteParts } from '../route-parts.ts'
import { requireStaff } from '../staff/roles.ts'
import type { Recovery } from './recovery.ts'

const Url = Type.String({ maxLength: 256, pattern: '^https?://[A-Za-z0-9.:\\[\\]-]+$' })
const GiveBody = Type.Object({ url: Type.Optional(Url) }, { additionalProperties: false })

export function registerRecoveryRoutes(
  { server, caller }: RouteParts,
  recovery: Pick<Recovery, 'list' | 'give'>,
): void {
  server.get('/v1/recovery', async (request) => {
    requireStaff(await caller(request), 'system')
    return { shares: recovery.list() }
  })
  // Whoever may name members of staff: it is the hospital's word that the lost server is to go on elsewhere.
  server.post('/v1/recovery/give', { schema: { body: GiveBody } }, async (request) => {
    requireStaff(await caller(request), 'staff')
    const { url } = request.body as Static<typeof GiveBody>
    return await recovery.give(url)
  })
}

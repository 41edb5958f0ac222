/**
 * `/v1/outbox`: authors leave what they cannot deliver, see how it stands, and take it along when the record server is back.
 *
 * @module
 */
import { Type, type Static } from 'typebox'
import { decodeBase64url, encodeBase64url } from '../../../shared/crypto/src/index.ts'
import { commitGroupShape } from '../../../shared/ledger-model/src/index.ts'
import { authorRefShape, peekEnvelope, ProtocolError, type AuthorRef } from '../../../shared/protocol/src/index.ts'
import type { Hospital } from '../hospital.ts'
import type { Caller } from '../request-auth.ts'
import { B64u, type RouteParts } from '../route-parts.ts'
import { mayStaff } from '../staff/roles.ts'
import type { OutboxDelivery } from './delivery.ts'
import type { Outbox, OutboxEntry } from './outbox.ts'

const KeepBody = Type.Object(
  { signature: B64u(86), item: Type.Unknown(), envelope: B64u(11_184_811) },
  { additionalProperties: false },
)
const DeliveredBody = Type.Object({ receipt: Type.String({ maxLength: 16_384 }) }, { additionalProperties: false })

export interface OutboxRouteParts {
  readonly hospital: Hospital
  readonly outbox: Outbox
  readonly delivery: OutboxDelivery
}

export function registerOutboxRoutes({ server, caller, nowMs }: RouteParts, parts: OutboxRouteParts): void {
  const { hospital, outbox, delivery } = parts
  server.post('/v1/outbox', { schema: { body: KeepBody } }, async (request) => {
    const { signature, item, envelope } = request.body as Static<typeof KeepBody>
    const who = await caller(request)
    const author = authorOf(who)
    const group = commitGroupShape({ author, signature, items: [item] }, 'outbox')
    const bytes = decodeBase64url(envelope)
    hospital.requireMayWrite(who, peekEnvelope(bytes).patient)
    const entry = outbox.keep(group, bytes, nowMs())
    delivery.wake()
    return entry
  })
  server.get('/v1/outbox', async (request) => {
    const who = await caller(request)
    if (!mayStaff(who, 'system')) return { entries: outbox.open(authorOf(who)) }
    return { entries: outbox.open(), counts: outbox.counts() }
  })
  server.get('/v1/outbox/:record/:version', async (request) => {
    const entry = own(await caller(request), request.params)
    const envelope = outbox.content(entry.record, entry.version)?.envelope
    return { ...entry, ...(envelope === undefined ? {} : { envelope: encodeBase64url(envelope) }) }
  })
  server.post('/v1/outbox/:record/:version/delivered', { schema: { body: DeliveredBody } }, async (request) => {
    const { record, version } = own(await caller(request), request.params)
    outbox.markDelivered(record, version, (request.body as Static<typeof DeliveredBody>).receipt, nowMs())
    return { ok: true }
  })
  server.delete('/v1/outbox/:record/:version', async (request) => {
    const { record, version } = own(await caller(request), request.params)
    outbox.remove(record, version)
    return { ok: true }
  })

  function own(who: Caller, params: unknown): OutboxEntry {
    const { record, version } = params as { record: string; version: string }
    const entry = outbox.find(record, /^\d{1,9}$/.test(version) ? Number(version) : 0)
    if (entry === undefined || entry.author !== authorOf(who)) {
      throw new ProtocolError('HTTP_NOT_FOUND', 'no such record of the caller waits')
    }
    return entry
  }
}

/** Doctors write in their own name, the hospital's service in the hospital's. @throws {ProtocolError} `TEE_FORBIDDEN` */
function authorOf({ ref, role, staff }: Caller): AuthorRef {
  if (role === 'practitioner' || (role === 'staff' && staff === undefined)) return authorRefShape(ref, 'author')
  throw new ProtocolError('TEE_FORBIDDEN', 'this kind of participant writes no records')
}

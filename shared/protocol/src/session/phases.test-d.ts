/* oxlint-disable typescript/no-unsafe-call -- these calls must not compile */
/**
 * What must not compile: asking a server that has not proven itself, or one that has not accepted the client.
 *
 * @module
 */
import type { CheckedServer, PendingClient, UnconfirmedClient } from './client.ts'
import { ClientSession } from './client-session.ts'

declare const pending: PendingClient
declare const checked: CheckedServer
declare const unconfirmed: UnconfirmedClient
declare const record: Uint8Array

// @ts-expect-error a hello was sent, nothing more
pending.sealRequest({ cmd: 'ping' }, 0)
// @ts-expect-error the server is checked, the client has not signed
checked.sealRequest({ cmd: 'ping' }, 0)
// @ts-expect-error the server has not accepted the client
unconfirmed.sealRequest({ cmd: 'ping' }, 0)
// @ts-expect-error the reply must be checked before the client proves itself
pending.finishWith(record)
// @ts-expect-error the finish must be made before it can be confirmed
checked.confirm(record, 0)
// @ts-expect-error no session without a handshake
export const session: ClientSession = new ClientSession()

unconfirmed.confirm(record, 0).sealRequest({ cmd: 'ping' }, 0)

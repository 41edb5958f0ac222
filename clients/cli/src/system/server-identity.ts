/**
 * The record server's identity key is exchanged while everybody works: the trusted application makes the next one, the
 * operator certifies it, the ledger gets it with the signature of the one before, and the trusted application takes it
 * when it sees it there. Whatever was done already is not done again. Spec: docs/protocol/02-registration.md §2.10.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { submitCall } from '../../../../ledger/client/src/index.ts'
import { decodeBase64url, encodeBase64url, equalBytes, parseCertificate } from '../../../../shared/crypto/src/index.ts'
import {
  participantRecordShape,
  parseResult,
  type ParticipantRegistration,
} from '../../../../shared/ledger-model/src/index.ts'
import { CommandError } from '../command-error.ts'
import type { RecordServerParts } from './record-server-setup.ts'

const LOOK_EVERY_MS = 100
const MAX_WAIT_MS = 60_000

/** What the record server is asked. */
export interface IdentityDoor {
  /** 65 bytes, the key in force. */
  readonly current: () => Promise<Uint8Array>
  readonly next: () => Promise<{ readonly identityKey: Uint8Array; readonly handover: Uint8Array }>
  readonly take: (cert: Uint8Array) => Promise<void>
}

/**
 * @returns the key before and the one that is in force now, 65 bytes each.
 * @throws {CommandError} `SERVER_UNAVAILABLE` if the server does not take the key within a minute; it still does when it
 * can. @throws {LedgerError} `KEY_HANDOVER_INVALID`
 */
export async function exchangeIdentity(
  { ledger, operator, serverRef }: Pick<RecordServerParts, 'ledger' | 'operator' | 'serverRef'>,
  door: IdentityDoor,
): Promise<{ readonly before: Uint8Array; readonly after: Uint8Array }> {
  const { authority, admin } = operator.organization
  const before = await door.current()
  const { identityKey, handover } = await door.next()
  const known = parseResult(await ledger.query({ fn: 'participant', args: [serverRef] }), participantRecordShape)
  const { ref, kind, attributes, server } = known
  if (server === undefined) throw new CommandError('PARTICIPANT_UNKNOWN')
  const register = async (publicKey: Uint8Array, cert: Uint8Array, signature?: Uint8Array): Promise<void> => {
    const { handover: _, ...details } = server
    const certificate = encodeBase64url(cert)
    const signed = signature === undefined ? {} : { handover: encodeBase64url(signature) }
    const renewed: ParticipantRegistration = {
      ref,
      kind,
      publicKey: encodeBase64url(publicKey),
      certSerial: parseCertificate(cert).serialHex,
      attributes,
      server: { ...details, certificate, ...signed },
    }
    await submitCall(ledger, admin, { fn: 'renewParticipant', args: [JSON.stringify(renewed)] })
  }
  const certified = async (publicKey: Uint8Array): Promise<Uint8Array> =>
    (await authority.issue({ role: 'server', ref: serverRef, publicKey })).chain[0]

  const registered = decodeBase64url(known.publicKey)
  if (equalBytes(registered, identityKey)) {
    // Cut off before the server took it.
    await door.take(decodeBase64url(server.certificate))
  } else {
    // A store that was put back with the organisations' leave to before an exchange has the key of then.
    if (!equalBytes(registered, before)) await register(before, await certified(before))
    const cert = await certified(identityKey)
    await door.take(cert)
    await register(identityKey, cert, handover)
  }
  for (let waitedMs = 0; waitedMs < MAX_WAIT_MS; waitedMs += LOOK_EVERY_MS) {
    const current = await door.current()
    if (equalBytes(current, identityKey)) return { before, after: current }
    await sleep(LOOK_EVERY_MS)
  }
  throw new CommandError('SERVER_UNAVAILABLE', { what: 'The record server has not taken its new key yet.' })
}

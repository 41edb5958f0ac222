/**
 * One more device of a person who has one: a link that the first device shows, the new device's own keys, and what the
 * first device checks before it says yes. Half of the link is a secret that the hospital never sees, so the hospital,
 * which carries the messages, cannot put a key of its own in the place of the new one.
 * Spec: docs/protocol/02-registration.md §2.8.
 *
 * Patients and members of staff get a key of their own for each device. Doctors and auditors have one certified key: it
 * moves to the new device, sealed to its key, and nowhere else.
 *
 * @module
 */
import {
  concat,
  encodeBase64url,
  encodeUtf8,
  equalBytes,
  hpkeOpen,
  hpkeSeal,
  label,
  type AgreementKey,
  type Crypto,
} from '../../../shared/crypto/src/index.ts'
import {
  bytes,
  decodeMessage,
  encodeCbor,
  kidOf,
  list,
  literal,
  struct,
  type ParticipantRef,
} from '../../../shared/protocol/src/index.ts'
import { refuseAlike } from '../../../shared/protocol/src/refusal.ts'
import { ClientError } from './errors.ts'
import type { HospitalApi } from './hospital-api.ts'
import type { JoinState, WaitingJoin } from './hospital-answers/devices.ts'
import type { RequestSigner } from './hospital-calls.ts'
import type { NewKeys, Signer } from './identity.ts'
import type { PatientClient } from './patient.ts'

export const CODE_LENGTH = 12
const SECRET_LENGTH = 16
/** No letters or digits that look alike: as the hospital's codes. */
const ALPHABET = 'ABCDEFGHJKMNPQRSTUVWXYZ23456789'
const LINK = /^[A-HJKMNP-Z2-9]{28}$/
const JOIN = label('device-join')
const DIGITS = label('device-join-digits')
const HANDOVER = label('device-handover')
const DIGIT_COUNT = 6

/** What a device shows as link, QR code or text: 28 characters, `<code><secret>`. */
export interface DeviceLink {
  /** Goes to the hospital. */
  readonly code: string
  /** Goes from device to device only. */
  readonly secret: string
  readonly text: string
  readonly expiresMs: number
}

/** Public keys of the device that wants to join. */
export interface JoinKeys {
  /** 65 bytes. */
  readonly publicKey: Uint8Array
  /** 32 bytes. */
  readonly sealKey: Uint8Array
}

/** Asks the hospital for a code, and adds the secret. @param ttlSeconds 60 to 86,400; default 600. */
export async function createDeviceLink(
  crypto: Crypto,
  api: HospitalApi,
  as: RequestSigner,
  ttlSeconds?: number,
): Promise<DeviceLink> {
  const { code, expiresMs } = await api.createDeviceLink(as, ttlSeconds)
  const secret = randomText(crypto, SECRET_LENGTH)
  return { code, secret, text: code + secret, expiresMs }
}

/** @throws {ClientError} `INVITATION_UNKNOWN` for a text that is no such link. */
export function parseDeviceLink(linkText: string): Pick<DeviceLink, 'code' | 'secret'> {
  const plain = linkText.replaceAll(/[\s-]/g, '').toUpperCase()
  if (!LINK.test(plain)) {
    throw new ClientError('INVITATION_UNKNOWN')
  }
  return { code: plain.slice(0, CODE_LENGTH), secret: plain.slice(CODE_LENGTH) }
}

/** What the new key signs towards the hospital. */
export function joinProofInput(code: string, keys: JoinKeys): Uint8Array {
  return concat(JOIN, keys.publicKey, keys.sealKey, encodeUtf8(code))
}

/** 32 bytes: the keys are those of whoever saw the link. */
export function joinMac(crypto: Crypto, secret: string, { publicKey, sealKey }: JoinKeys): Uint8Array {
  return crypto.hmac(crypto.importHmacKey(encodeUtf8(secret)), JOIN, publicKey, sealKey)
}

/** Six digits that both devices show, for the person to compare. */
export function joinDigits(crypto: Crypto, secret: string, { publicKey, sealKey }: JoinKeys): string {
  const mac = crypto.hmac(crypto.importHmacKey(encodeUtf8(secret)), DIGITS, publicKey, sealKey)
  const number = new DataView(mac.buffer, mac.byteOffset).getUint32(0) % 10 ** DIGIT_COUNT
  return String(number).padStart(DIGIT_COUNT, '0')
}

/**
 * The new device asks; ask again while the answer is `waiting`: nothing changes by it.
 * @throws {ClientError} `INVITATION_UNKNOWN`: wrong, ended, or another device came with it.
 */
export async function askToJoin(
  crypto: Crypto,
  api: HospitalApi,
  link: Pick<DeviceLink, 'code' | 'secret'>,
  device: { readonly label: string; readonly signer: Signer; readonly sealKey: Uint8Array },
): Promise<JoinState> {
  const keys = { publicKey: device.signer.publicKey, sealKey: device.sealKey }
  return await api.join({
    code: link.code,
    publicKey: encodeBase64url(keys.publicKey),
    sealKey: encodeBase64url(keys.sealKey),
    label: device.label,
    mac: encodeBase64url(joinMac(crypto, link.secret, keys)),
    proof: encodeBase64url(await device.signer.sign(joinProofInput(link.code, keys))),
  })
}

/** Whether the keys are those of the device that the link was shown to. */
export function isOfLink(crypto: Crypto, link: Pick<DeviceLink, 'code' | 'secret'>, join: WaitingJoin): boolean {
  return join.code === link.code && equalBytes(joinMac(crypto, link.secret, join), join.mac)
}

/**
 * A patient's device says yes: its key signs for the new one on the ledger.
 * @throws {ClientError} `REQUEST_REJECTED` if somebody else came with the code.
 */
export async function approvePatientJoin(
  client: PatientClient,
  link: Pick<DeviceLink, 'code' | 'secret'>,
  join: WaitingJoin,
): Promise<void> {
  const { crypto, hospital } = client.options
  requireOfLink(crypto, link, join)
  const { publicKey, sealKey } = join
  const isKnown = (await client.keys()).some((key) => key.kid === kidOf(crypto, publicKey) && key.removedMs === null)
  // Approved before, and the answer was lost.
  if (!isKnown) await client.addKey({ publicKey, sealKey, label: join.label, kind: 'device' })
  await hospital.approveJoin(client.requestSigner, join.id)
}

/** A doctor's or auditor's device says yes: the certified key moves, sealed to the new device. */
export async function approveHandover(
  crypto: Crypto,
  api: HospitalApi,
  as: RequestSigner,
  link: Pick<DeviceLink, 'code' | 'secret'>,
  join: WaitingJoin,
  own: { readonly keys: NewKeys; readonly chain: readonly Uint8Array[] },
): Promise<void> {
  requireOfLink(crypto, link, join)
  await api.approveJoin(as, join.id, sealHandover(crypto, as.ref, join.sealKey, own))
}

/** A member of staff's device says yes; the hospital keeps the new key. */
export async function approveStaffJoin(
  crypto: Crypto,
  api: HospitalApi,
  as: RequestSigner,
  link: Pick<DeviceLink, 'code' | 'secret'>,
  join: WaitingJoin,
): Promise<void> {
  requireOfLink(crypto, link, join)
  await api.approveJoin(as, join.id)
}

const handoverShape = struct({
  v: literal(1),
  signingKey: bytes({ length: 32 }),
  sealKey: bytes({ length: 32 }),
  chain: list(bytes({ max: 8_192 }), { min: 1, max: 3 }),
})

/** HPKE to the new device; names whose key it is. */
export function sealHandover(
  crypto: Crypto,
  ref: ParticipantRef,
  recipientSealKey: Uint8Array,
  { keys, chain }: { readonly keys: NewKeys; readonly chain: readonly Uint8Array[] },
): Uint8Array {
  const plaintext = encodeCbor({
    v: 1,
    signingKey: crypto.exportSigningKey(keys.signingKey),
    sealKey: crypto.exportAgreementKey(keys.sealKey),
    chain: [...chain],
  })
  const sealed = hpkeSeal(crypto, recipientSealKey, HANDOVER, encodeUtf8(ref), plaintext)
  plaintext.fill(0)
  return sealed
}

/**
 * The key and certificate of a doctor or auditor, on the new device.
 * @returns raw keys, 32 bytes each: import them where they cannot be copied, then overwrite them.
 * @throws {ProtocolError} `ENVELOPE_REJECTED`, the same for every cause.
 */
export function openHandover(
  crypto: Crypto,
  sealKey: AgreementKey,
  ref: ParticipantRef,
  sealed: Uint8Array,
): { readonly signingKey: Uint8Array; readonly sealKey: Uint8Array; readonly chain: readonly Uint8Array[] } {
  return refuseAlike('ENVELOPE_REJECTED', 'the handover does not open', () => {
    const plaintext = hpkeOpen(crypto, sealKey, HANDOVER, encodeUtf8(ref), sealed)
    const { v: _, ...handover } = decodeMessage(plaintext, handoverShape, 'handover')
    plaintext.fill(0)
    return handover
  })
}

function requireOfLink(crypto: Crypto, link: Pick<DeviceLink, 'code' | 'secret'>, join: WaitingJoin): void {
  if (!isOfLink(crypto, link, join)) throw new ClientError('REQUEST_REJECTED')
}

function randomText(crypto: Crypto, length: number): string {
  let text = ''
  while (text.length < length) {
    for (const byte of crypto.randomBytes(length)) {
      // The alphabet has 31 characters; 248 is the last multiple of 31 in a byte.
      if (byte < 248 && text.length < length) text += ALPHABET.charAt(byte % ALPHABET.length)
    }
  }
  return text
}

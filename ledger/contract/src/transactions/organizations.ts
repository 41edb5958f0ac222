/**
 * Organisations: their participants and revoked certificates. Spec: docs/protocol/07-ledger.md §7.2.
 *
 * @module
 */
import { encodeHex, encodeUtf8 } from '../../../../shared/crypto/src/index.ts'
import { LedgerError, reasonShape, serialHexShape, stateKeys } from '../../../../shared/ledger-model/src/index.ts'
import { mspIdShape, sha256HexShape } from '../../../../shared/protocol/src/index.ts'
import { plainArgument } from '../arguments.ts'
import type { ContractCall, Outcome } from '../call.ts'
import { event, everything, toJson, write } from '../state.ts'
import { ensureOrganization } from './participants.ts'

const MAX_LISTED = 65_536

/**
 * Revokes a certificate that the caller's organisation issued. The contract cannot know which serials its CA gave out:
 * the number counts only together with the organisation. Repeating it keeps the first time.
 *
 * @throws {LedgerError} `LEDGER_BAD_ARGUMENT`
 */
export async function revokeCertificate(call: ContractCall, serial: string, reasonText: string): Promise<Outcome> {
  const serialHex = plainArgument(serialHexShape, 'serialHex', serial)
  const reason = plainArgument(reasonShape, 'reason', reasonText)
  const { caller, timeMs, txId } = call.tx
  const key = stateKeys.revokedCertificate(caller.mspId, serialHex)
  const current = await call.state.get(key)
  if (current !== undefined) return { result: current }
  const entry = { mspId: caller.mspId, serialHex, reason, timeMs, txId }
  await ensureOrganization(call)
  await write(call.state, key, entry)
  return { result: toJson(entry), event: event('CertificateRevoked', { mspId: caller.mspId, serialHex }) }
}

/** @throws {LedgerError} `LEDGER_BAD_ARGUMENT`, `ORGANIZATION_UNKNOWN` (nothing was registered by it) */
export async function organizationPolicy(call: ContractCall, mspText: string): Promise<Outcome> {
  const mspId = plainArgument(mspIdShape, 'mspId', mspText)
  if ((await call.state.get(stateKeys.organization(mspId))) === undefined) {
    throw new LedgerError('ORGANIZATION_UNKNOWN', 'the organisation has nothing on the ledger')
  }
  const participants = await everything(call, stateKeys.memberPrefix(mspId), MAX_LISTED)
  const revoked = await everything(call, stateKeys.revokedPrefix(mspId), MAX_LISTED)
  const serials = revoked.map((text) => `"${(JSON.parse(text) as { readonly serialHex: string }).serialHex}"`)
  // The records are JSON already.
  const result = `{"mspId":"${mspId}","participants":[${participants.join(',')}],"revokedSerials":[${serials.join(',')}]}`
  return { result }
}

/**
 * As `organizationPolicy`, for a reader who has it: one short line while it is the same, however many people it lists.
 *
 * @param digestText SHA-256 of the UTF-8 of the reader's result of `organizationPolicy`, hex.
 */
export async function organizationPolicyUnless(
  call: ContractCall,
  mspText: string,
  digestText: string,
): Promise<Outcome> {
  const digest = plainArgument(sha256HexShape, 'digest', digestText)
  const { result } = await organizationPolicy(call, mspText)
  if (encodeHex(call.crypto.sha256(encodeUtf8(result))) !== digest) return { result }
  return { result: `{"mspId":"${mspText}","unchanged":"${digest}"}` }
}

/**
 * Checkpoints of TEE servers' logs: each follows the one before, so that a server put back to an older state is found.
 * Spec: docs/protocol/07-ledger.md §7.2 and 06-log-and-checkpoints.md.
 *
 * @module
 */
import { decodeBase64url, encodeHex, parseCertificate } from '../../../../shared/crypto/src/index.ts'
import {
  anchorSignatureShape,
  type CheckpointRecord,
  checkpointTextShape,
  endedAt,
  isAnchorStatementSignedBy,
  isKeyChanging,
  LedgerError,
  logOriginOf,
  PAGE_ITEMS,
  type ParticipantRecord,
  stateKeys,
  type SuccessionVotes,
} from '../../../../shared/ledger-model/src/index.ts'
import { type ServerRef, serverRefShape, type Sha256Hex } from '../../../../shared/protocol/src/index.ts'
import { type Checkpoint, LogError, openCheckpoint } from '../../../../shared/tlog/src/index.ts'
import { badArgument, bookmarkArgument, numberArgument, plainArgument } from '../arguments.ts'
import type { ContractCall, Outcome } from '../call.ts'
import { activeParticipant } from '../callers.ts'
import { event, find, toJson, write } from '../state.ts'
import { verifyingKey } from '../verifying-keys.ts'
import { putParticipant } from './participants.ts'

/**
 * Whoever submits it: the server's own signature over the epoch and the note decides.
 * @throws {LedgerError} `LEDGER_BAD_ARGUMENT`, `PARTICIPANT_UNKNOWN`, `PARTICIPANT_SUSPENDED`,
 * `LEDGER_IDENTITY_REJECTED` (the server's certificate), `CHECKPOINT_INVALID` (note or statement), `CHECKPOINT_EPOCH`,
 * `CHECKPOINT_SMALLER`, `CHECKPOINT_FORKED` (same size, other root)
 */
export async function anchorCheckpoint(
  call: ContractCall,
  serverText: string,
  noteText: string,
  epochText: string,
  signatureText: string,
): Promise<Outcome> {
  const serverRef = plainArgument(serverRefShape, 'serverRef', serverText)
  const note = plainArgument(checkpointTextShape, 'checkpoint', noteText)
  const epoch = numberArgument('epoch', epochText)
  if (epoch === 0) throw badArgument('epoch')
  const signature = plainArgument(anchorSignatureShape, 'signature', signatureText)
  const server = await activeParticipant(call, serverRef)
  await checkServerCertificate(call, server)
  const { size, root } = signedCheckpoint(call, server, note)
  const key = verifyingKey(call.crypto, server.publicKey)
  if (!isAnchorStatementSignedBy(call.crypto, key, { serverRef, epoch, checkpoint: note }, signature)) {
    throw new LedgerError('CHECKPOINT_INVALID', 'the statement is not signed by this server')
  }
  const rootHex = encodeHex(root) as Sha256Hex

  const latest = await find<CheckpointRecord>(call.state, stateKeys.checkpoint(serverRef))
  // A server that lost the answer repeats itself.
  if (latest?.epoch === epoch && latest.checkpoint === note) return { result: toJson(latest) }
  if (epoch !== (latest?.epoch ?? 0) + 1) {
    throw new LedgerError('CHECKPOINT_EPOCH', 'the epoch does not follow the newest one')
  }
  const isSmaller = size < (latest?.size ?? 0)
  const isOther = size === latest?.size && rootHex !== latest.root
  if (latest !== undefined && (isSmaller || isOther) && !(await isGivenUp(call, server, latest, size))) {
    if (isSmaller) throw new LedgerError('CHECKPOINT_SMALLER', 'the log became smaller')
    throw new LedgerError('CHECKPOINT_FORKED', 'two roots at one size')
  }
  const { timeMs, txId } = call.tx
  const record: CheckpointRecord = { serverRef, epoch, size, root: rootHex, checkpoint: note, timeMs, txId }
  await write(call.state, stateKeys.checkpoint(serverRef), record)
  await write(call.state, stateKeys.checkpointAt(serverRef, epoch), record)
  // §7.17: from here on the keys before are believed up to this size only.
  if (isKeyChanging(server)) await putParticipant(call, { ...server, earlierKeys: endedAt(server, size) })
  return { result: toJson(record), event: event('CheckpointAnchored', { serverRef, epoch, size, root: rootHex }) }
}

/**
 * Whether the server's own organisation voted that entries up to the newest checkpoint are given up (§7.16). Whether enough
 * organisations did, the server's trusted application has decided, and every reader of the votes can.
 */
async function isGivenUp(
  call: ContractCall,
  { mspId, ref }: ParticipantRecord,
  latest: CheckpointRecord,
  size: number,
): Promise<boolean> {
  const key = stateKeys.successionVotes(ref as ServerRef, mspId)
  const votes = (await find<SuccessionVotes>(call.state, key))?.votes ?? []
  return votes.some(({ from }) => from?.epoch === latest.epoch && from.size <= size)
}

/** @throws {LedgerError} `LEDGER_BAD_ARGUMENT`, `CHECKPOINT_NOT_FOUND` */
export async function checkpoint(call: ContractCall, serverText: string): Promise<Outcome> {
  const serverRef = plainArgument(serverRefShape, 'serverRef', serverText)
  const text = await call.state.get(stateKeys.checkpoint(serverRef))
  if (text === undefined) throw new LedgerError('CHECKPOINT_NOT_FOUND', 'nothing was anchored')
  return { result: text }
}

/** @throws {LedgerError} `LEDGER_BAD_ARGUMENT` */
export async function checkpointHistory(call: ContractCall, serverText: string, bookmark: string): Promise<Outcome> {
  const serverRef = plainArgument(serverRefShape, 'serverRef', serverText)
  const page = await call.state.range(stateKeys.checkpointPrefix(serverRef), bookmarkArgument(bookmark), PAGE_ITEMS)
  const items = page.items.map(({ value }) => value)
  return { result: `{"bookmark":${JSON.stringify(page.bookmark)},"items":[${items.join(',')}]}` }
}

/** What the door checks of a caller: the server is none, but speaks here. */
async function checkServerCertificate(call: ContractCall, { mspId, certSerial, server }: ParticipantRecord) {
  const isRevoked = (await call.state.get(stateKeys.revokedCertificate(mspId, certSerial))) !== undefined
  const period = server === undefined ? undefined : parseCertificate(decodeBase64url(server.certificate))
  const { timeMs } = call.tx
  if (isRevoked || period === undefined || timeMs < period.notBeforeMs || timeMs > period.notAfterMs) {
    throw new LedgerError('LEDGER_IDENTITY_REJECTED', 'the certificate of the server is not in force')
  }
}

function signedCheckpoint(call: ContractCall, server: ParticipantRecord, note: string): Checkpoint {
  const name = logOriginOf(server.ref as ServerRef)
  try {
    const key = verifyingKey(call.crypto, server.publicKey)
    return openCheckpoint(call.crypto, note, name, [{ name, key }]).checkpoint
  } catch (error) {
    if (error instanceof LogError) throw new LedgerError('CHECKPOINT_INVALID', 'the checkpoint is not of this server')
    throw error
  }
}

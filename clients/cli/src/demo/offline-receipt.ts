/**
 * A receipt checked by its holder: the server's key from the ledger, the rest is arithmetic.
 *
 * @module
 */
import { encodeHex } from '../../../../shared/crypto/src/index.ts'
import { participantRecordShape, serverNoteKeys } from '../../../../shared/ledger-model/src/index.ts'
import { verifyReceipt, type Receipt } from '../../../../shared/protocol/src/index.ts'
import { leafHash, logOrigin, openCheckpoint, verifyInclusion } from '../../../../shared/tlog/src/index.ts'
import { readLedger } from '../../../sdk/src/ledger-reader.ts'
import type { ParticipantOptions } from '../../../sdk/src/participant.ts'
import type { LogPlace } from '../../../sdk/src/record-answer.ts'
import { expectSame } from './expect.ts'

export interface ReceiptChecker {
  /** @throws {ProtocolError} `RECEIPT_INVALID` */
  check(receipt: string): Receipt
}

/** Checks receipt, checkpoint and inclusion; what comes back checks other receipts without asking anybody. */
export async function checkReceipt(
  { crypto, ledger, serverRef }: Pick<ParticipantOptions, 'crypto' | 'ledger' | 'serverRef'>,
  receipt: string,
  log: LogPlace,
): Promise<ReceiptChecker> {
  const { value: server } = await readLedger(ledger, 'participant', [serverRef], participantRecordShape)
  const keys = serverNoteKeys(crypto, server)
  const [{ key }, ...earlier] = keys
  const checker = { check: (one: string) => verifyReceipt(crypto, one, { server: serverRef, key, earlier }) }
  const content = checker.check(receipt)
  const origin = logOrigin(serverRef)
  const { checkpoint } = openCheckpoint(crypto, log.checkpoint, origin, keys)
  expectSame<string>(encodeHex(checkpoint.root), content.logRoot, 'root of the log')
  expectSame(log.index, content.logIndex, 'place in the log')
  verifyInclusion(crypto, leafHash(crypto, log.entry), log.index, checkpoint.size, log.proof, checkpoint.root)
  return checker
}

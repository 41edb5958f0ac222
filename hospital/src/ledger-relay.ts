/**
 * Ledger reads on behalf of participants who have no certificate. Nothing is cached, nothing is checked here: the
 * reader gives the nonce and verifies the answers. What the index of commitments finds is a hint.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { CommitmentIndex, IndexedCommitment, Ledger } from '../../ledger/client/src/index.ts'
import { encodeBase64url } from '../../shared/crypto/src/index.ts'
import {
  encodeBlocks,
  encodeEndorsedAnswers,
  participantRecordShape,
  parseResult,
  patientKeysShape,
} from '../../shared/ledger-model/src/index.ts'
import { recordIdShape, sha256HexShape } from '../../shared/protocol/src/index.ts'
import type { LedgerPlace, LedgerRelay } from './ports.ts'

/** An answer with blocks ends when it passes this. */
const MAX_BLOCKS_BYTES = 8 * 2 ** 20
const CATCH_UP_MS = 2_000
const CATCH_UP_PAUSE_MS = 20

/** @param index follows the ledger elsewhere. */
export function ledgerRelayOf(ledger: Ledger, index: CommitmentIndex): LedgerRelay {
  const patientKeys = async (patient: string) =>
    parseResult(await ledger.query({ fn: 'keysOf', args: [patient] }), patientKeysShape).keys
  return {
    async endorsedReads(queries, nonce, minHeight) {
      const answers = await ledger.endorsedReads({ queries, nonce, ...(minHeight === undefined ? {} : { minHeight }) })
      return { answers: encodeBase64url(encodeEndorsedAnswers(answers)) }
    },
    async blocks(from, limit) {
      const height = await ledger.height()
      const found: Uint8Array[] = []
      let bytes = 0
      for (let number = from; number <= height && found.length < limit && bytes < MAX_BLOCKS_BYTES; number++) {
        const block = await ledger.block(number)
        if (block === undefined) break
        found.push(block.encoded)
        bytes += block.encoded.length
      }
      return { height, blocks: encodeBase64url(encodeBlocks(found)) }
    },
    async findRecord(recordId) {
      const record = recordIdShape(recordId, 'record')
      await catchUp(ledger, index)
      return index.ofRecord(record).map(placeOf)
    },
    async findTag(patientTag) {
      const tag = sha256HexShape(patientTag, 'tag')
      await catchUp(ledger, index)
      return index.ofPatientTag(tag).map(placeOf)
    },
    async countTags(patientTags) {
      await catchUp(ledger, index)
      return patientTags.map((tag) => index.countOfPatientTag(sha256HexShape(tag, 'tag')))
    },
    patientKeys,
    async findParticipant(ref) {
      try {
        const record = parseResult(await ledger.query({ fn: 'participant', args: [ref] }), participantRecordShape)
        return record.status === 'active' ? record : undefined
      } catch (error) {
        if ((error as { code?: unknown }).code === 'PARTICIPANT_UNKNOWN') return undefined
        throw error
      }
    },
    async findPatientKey(patient, kid) {
      const keys = await patientKeys(patient)
      const key = keys.find((one) => one.kid === kid && one.removedMs === null)
      return key === undefined ? undefined : { publicKey: key.publicKey, sealKey: key.sealKey }
    },
  }
}

/** Waits a moment for the blocks that the ledger has now. */
async function catchUp(ledger: Ledger, index: CommitmentIndex): Promise<void> {
  const height = await ledger.height()
  const untilMs = performance.now() + CATCH_UP_MS
  while (index.height < height && performance.now() < untilMs) await sleep(CATCH_UP_PAUSE_MS)
}

function placeOf({ recordId, version, batchId, index }: IndexedCommitment): LedgerPlace {
  return { recordId, version, batchId, index }
}

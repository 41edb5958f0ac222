/**
 * Keys of hospitals that may cosign, from the ledger, remembered for a minute. Keeps garbage out of what is served; who
 * relies on a cosignature reads the keys itself.
 *
 * @module
 */
import type { Ledger } from '../../../ledger/client/src/index.ts'
import { decodeBase64url, type Crypto, type VerifyingKey } from '../../../shared/crypto/src/index.ts'
import { participantRecordShape, parseResult } from '../../../shared/ledger-model/src/index.ts'

const REMEMBERED_MS = 60_000
const MAX_REMEMBERED = 256

export function witnessKeysOf(
  crypto: Crypto,
  ledger: Pick<Ledger, 'query'>,
  monotonicMs: () => number,
): (name: string) => Promise<VerifyingKey | undefined> {
  const known = new Map<string, { readonly key: VerifyingKey | undefined; readonly sinceMs: number }>()
  return async (name) => {
    const before = known.get(name)
    if (before !== undefined && monotonicMs() - before.sinceMs < REMEMBERED_MS) return before.key
    const key = await findKey(crypto, ledger, name)
    if (known.size >= MAX_REMEMBERED) known.clear()
    known.set(name, { key, sinceMs: monotonicMs() })
    return key
  }
}

async function findKey(crypto: Crypto, ledger: Pick<Ledger, 'query'>, name: string): Promise<VerifyingKey | undefined> {
  try {
    const record = parseResult(await ledger.query({ fn: 'participant', args: [name] }), participantRecordShape)
    if (record.kind !== 'hospital' || record.status !== 'active') return undefined
    return crypto.importVerifyingKey(decodeBase64url(record.publicKey))
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === 'PARTICIPANT_UNKNOWN') return undefined
    throw error
  }
}

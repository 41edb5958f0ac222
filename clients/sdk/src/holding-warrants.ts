/**
 * Which of several permissions holds now, by the ledger: recorded, not taken back, begun and not ended.
 *
 * @module
 */
import { warrantRecordShape } from '../../../shared/ledger-model/src/index.ts'
import type { Warrant } from '../../../shared/protocol/src/index.ts'
import { isUnavailable } from './errors.ts'
import { parseLedgerResult } from './ledger-reader.ts'
import type { Clock, LedgerReader } from './ports.ts'

/** Permissions of one patient that are asked about at once. */
const MAX_COMPARED = 64

/**
 * Of those that hold, the first that covers every kind of record; the first, where none does. `undefined` if none holds,
 * or the ledger does not answer.
 */
export async function findHolding<T extends { readonly warrant: Warrant }>(
  { ledger, clock }: { readonly ledger: LedgerReader; readonly clock: Clock },
  held: readonly T[],
): Promise<T | undefined> {
  const nowMs = clock.nowMs()
  const some = held.slice(0, MAX_COMPARED)
  const answers = await ledger.read(some.map(({ warrant }) => ({ fn: 'warrant', args: [warrant.jti] }))).catch(noAnswer)
  const holding = some.filter(({ warrant: { nbf, exp } }, i) => {
    const answer = answers[i]
    if (answer?.status !== 200 || nowMs < nbf * 1000 || nowMs >= exp * 1000) return false
    return parseLedgerResult(answer, warrantRecordShape).revokedMs === null
  })
  return holding.find(({ warrant }) => warrant.scope.includes('*')) ?? holding[0]
}

function noAnswer(error: unknown): readonly never[] {
  if (isUnavailable(error)) return []
  throw error
}

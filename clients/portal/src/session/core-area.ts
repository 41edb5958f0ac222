/**
 * What every role needs of the worker: who can act here, who acts, and what the record server proved.
 *
 * @module
 */
import type { EvidenceResult } from '../../../../shared/protocol/src/index.ts'
import { renewWhenDue } from './credential-renewal.ts'
import type { Facts } from './facts.ts'
import type { KeptIdentity } from './key-store.ts'
import type { WorkerContext } from './worker-context.ts'

/** An identity as the page sees it: no keys. */
export interface IdentityCard {
  readonly id: string
  readonly kind: KeptIdentity['kind']
  readonly ref: string
  readonly name: string
  readonly label: string
  readonly mspId: string
  readonly kid: string
  readonly hospital: Facts['hospital']
  readonly hospitals: Facts['hospitals']
  readonly practice: boolean
  readonly createdMs: number
  readonly recoverySavedMs?: number
}

/** What the record server proved to this tab. */
export interface ServerFacts extends Pick<EvidenceResult, 'measurement' | 'simulated' | 'tee'> {
  readonly checkedMs: number
  readonly ledgerIsPractice: boolean
  readonly ledgerSource: string
}

export function coreArea(context: WorkerContext) {
  return {
    identities: async (): Promise<readonly IdentityCard[]> => (await context.keys.all()).map(cardOf),

    /** Makes it the one who acts in this tab. */
    async actAs(id: string): Promise<IdentityCard> {
      await context.actAs(id)
      await renewWhenDue(context)
      return cardOf((await context.acting()).kept)
    },

    async forget(id: string): Promise<void> {
      await context.actAs(undefined)
      await context.keys.forget(id)
    },

    facts: (): Promise<Facts> => context.facts(),

    /** Opens a session if there is none. @throws {ClientError} `ATTESTATION_*` */
    async server(): Promise<ServerFacts> {
      const client = await context.participant()
      const { measurement, simulated, tee } = await client.evidence()
      const { ledger } = client.options
      return {
        measurement,
        simulated,
        tee,
        checkedMs: context.clock.nowMs(),
        ledgerIsPractice: ledger.isPractice,
        ledgerSource: ledger.source,
      }
    },

    reconnect: (): Promise<void> => Promise.resolve(context.reconnect()),
  }
}

export function cardOf(kept: KeptIdentity): IdentityCard {
  const { id, kind, ref, name, label, mspId, kid, facts, createdMs, recoverySavedMs } = kept
  return {
    id,
    kind,
    ref,
    name,
    label,
    mspId,
    kid,
    hospital: facts.hospital,
    hospitals: facts.hospitals,
    practice: facts.practice,
    createdMs,
    ...(recoverySavedMs === undefined ? {} : { recoverySavedMs }),
  }
}

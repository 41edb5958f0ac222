/**
 * The normal world of the record server: honest unless a test gives it hooks. Everything that passes between client,
 * ledger and trusted application goes through here, so a test can drop, delay, replay or change it.
 *
 * @module
 */
import type { CommitStatus, Ledger, LedgerCall } from '../../../ledger/client/src/port.ts'
import type { EndorsedAnswer, SignedProposal } from '../../../shared/ledger-model/src/index.ts'
import type { AbiAnswer, AbiOpName, AbiRequest, Effect } from '../../../shared/tee-abi/src/index.ts'
import type { TeeDriver } from '../../../tee/src/driver.ts'

export type EndorsedAnswers = readonly (readonly EndorsedAnswer[])[]
export interface EndorsedReads {
  readonly queries: readonly LedgerCall[]
  readonly nonce: Uint8Array
  readonly minHeight?: number
}

/** What a lying host does instead of what it should. Absent: honest. */
export interface HostHooks {
  /** A request to the trusted application; `honest` passes it on, changed or not. */
  request?: <O extends AbiOpName>(
    op: O,
    request: AbiRequest<O>,
    honest: (request: AbiRequest<O>) => Promise<AbiAnswer<O>>,
  ) => Promise<AbiAnswer<O>>
  /** What the trusted application asks of the host. Not calling `honest` drops it. */
  effect?: (effect: Effect, honest: (effect: Effect) => void) => void
  /** Reads of the ledger for the trusted application. */
  endorsedReads?: (
    request: EndorsedReads,
    honest: (request: EndorsedReads) => Promise<EndorsedAnswers>,
  ) => Promise<EndorsedAnswers>
  /** Checkpoints that the trusted application wants on the ledger. */
  submit?: (signed: SignedProposal, honest: () => Promise<CommitStatus>) => Promise<CommitStatus>
}

/** `driver` with `hooks` in front; hooks may be changed at any time. */
export function hostileDriver(driver: TeeDriver, hooks: HostHooks): TeeDriver {
  return {
    get kind() {
      return driver.kind
    },
    get state() {
      return driver.state
    },
    get failure() {
      return driver.failure
    },
    get isolation() {
      return driver.isolation
    },
    get restarts() {
      return driver.restarts
    },
    get outstanding() {
      return driver.outstanding
    },
    request(op, request) {
      const honest = (sent: typeof request) => driver.request(op, sent)
      return hooks.request?.(op, request, honest) ?? honest(request)
    },
    onEffect(listener) {
      driver.onEffect((effect) => {
        if (hooks.effect === undefined) listener(effect)
        else hooks.effect(effect, listener)
      })
    },
    onRestart: (listener) => driver.onRestart(listener),
    close: () => driver.close(),
  }
}

/** The ledger as the record server's host reaches it. */
export function hostileLedger(ledger: Ledger, hooks: HostHooks): Ledger {
  return {
    channel: ledger.channel,
    prepare: (identity, call) => ledger.prepare(identity, call),
    submit(signed) {
      const honest = () => ledger.submit(signed)
      return hooks.submit?.(signed, honest) ?? honest()
    },
    query: (call) => ledger.query(call),
    endorsedRead: (request) => ledger.endorsedRead(request),
    endorsedReads(request) {
      const honest = (sent: EndorsedReads) => ledger.endorsedReads(sent)
      return hooks.endorsedReads?.(request, honest) ?? honest(request)
    },
    height: () => ledger.height(),
    block: (number) => ledger.block(number),
    blocks: (from, options) => ledger.blocks(from, options),
    transaction: (txId) => ledger.transaction(txId),
    close: () => ledger.close(),
  }
}

/**
 * The normal world's handle on a trusted application, whatever TEE it runs in: requests with answers, effects without.
 * One folder of tee/ per TEE kind implements it. A driver carries frames and keeps the trusted application running;
 * it decides nothing and is trusted with nothing.
 *
 * @module
 */
import type { AbiAnswer, AbiOpName, AbiRequest, Effect } from '../../shared/tee-abi/src/index.ts'
import type { ErrorCode } from '../../shared/protocol/src/error-table.ts'

/**
 * `starting`: no trusted application runs yet, or again: one is about to. `running`. `failed`: it stopped for a reason
 * that a restart does not mend (`failure`). `closed`: by the caller.
 */
export type TeeDriverState = 'starting' | 'running' | 'failed' | 'closed'

export interface TeeDriver {
  /** `process`, `optee`, …: the `tee` of the evidence. */
  readonly kind: string
  readonly state: TeeDriverState
  /** Why the state is `failed`. */
  readonly failure: ErrorCode | undefined
  /** What separates the trusted application from this machine, in the words of docs/protocol/09-evidence.md §9.3. */
  readonly isolation: readonly string[]
  /** Times the trusted application was started again since `start`. */
  readonly restarts: number
  /** Requests without an answer. */
  readonly outstanding: number

  /**
   * Asks the trusted application. Not repeated by the driver: after `TEE_RESTARTED` nobody knows whether it was done.
   *
   * @throws {TeeError} the code that the trusted application answered; `TEE_BUSY` (not sent: too many wait),
   * `TEE_RESTARTED` (sent, and then it ended), `SERVER_UNAVAILABLE` (not sent: it does not run), `SERVER_STOPPING`.
   */
  request<O extends AbiOpName>(op: O, request: AbiRequest<O>): Promise<AbiAnswer<O>>

  /**
   * Effects, in the order they were written. One listener; what came before there is one is kept for it: a trusted
   * application that starts asks for the ledger at once, and would wait for its own timeout otherwise.
   */
  onEffect(listener: (effect: Effect) => void): void

  /** Called after each restart, when requests are taken again: who follows the trusted application starts over. */
  onRestart(listener: () => void): void

  /** Asks it to stop, then makes it. Requests in flight are answered first where that takes no longer than the grace. */
  close(): Promise<void>
}

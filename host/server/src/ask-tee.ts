/**
 * Requests to the trusted application, counted and timed.
 *
 * @module
 */
import type { AbiAnswer, AbiOpName, AbiRequest } from '../../../shared/tee-abi/src/index.ts'
import type { TeeDriver } from '../../../tee/src/driver.ts'
import { codeOf } from './http-errors.ts'
import type { Metrics } from './metrics.ts'

/** @throws {TeeError} as `TeeDriver.request`. */
export type AskTee = <O extends AbiOpName>(op: O, request: AbiRequest<O>) => Promise<AbiAnswer<O>>

export function createAskTee(tee: TeeDriver, metrics: Metrics): AskTee {
  return async (op, request) => {
    const sinceMs = performance.now()
    let code = 'OK'
    try {
      return await tee.request(op, request)
    } catch (error) {
      code = codeOf(error)
      throw error
    } finally {
      metrics.teeDone(op, code, (performance.now() - sinceMs) / 1_000)
    }
  }
}

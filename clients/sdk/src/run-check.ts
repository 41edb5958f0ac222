/**
 * One check as it runs: a work that throws is a fail with that code, or a skip when something did not answer.
 *
 * @module
 */
import { ERROR_TABLE, type ErrorCode, type EvidenceResult } from '../../../shared/protocol/src/index.ts'
import { ClientError, codeOf, isUnavailable } from './errors.ts'
import type { Check, CheckId } from './seal.ts'

/** @param work resolves to one sentence: what was found. */
export async function runCheck(id: CheckId, nowMs: () => number, work: () => Promise<string> | string): Promise<Check> {
  try {
    return { id, result: 'pass', reason: await work(), timeMs: nowMs() }
  } catch (error) {
    const code = codeOf(error)
    // Not one of our codes: a fault of this program, not a finding about the record.
    if (code === undefined) throw error
    const result = code === 'CLIENT_CHECK_SKIPPED' || isUnavailable(error) ? 'skip' : 'fail'
    return { id, result, code, reason: reasonOf(error, code), timeMs: nowMs() }
  }
}

/** The detail of a check that could not run without the server. */
export const NO_SERVER = 'The record server was not asked.'

/** What the server proved in this session. @throws {ClientError} `CLIENT_CHECK_SKIPPED` without evidence (a downloaded file) */
export function serverReason(evidence: EvidenceResult | undefined): string {
  if (evidence === undefined) throw new ClientError('CLIENT_CHECK_SKIPPED', { detail: NO_SERVER })
  return `The server runs the program that the hospitals approved (${evidence.measurement.slice(0, 8)}…).`
}

function reasonOf(error: unknown, code: ErrorCode): string {
  return error instanceof ClientError ? error.message : ERROR_TABLE[code].meaning
}

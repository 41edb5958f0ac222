/**
 * A session with the trusted application under OP-TEE, whatever carries the calls: libteec of this machine, or a proxy
 * in an emulated one. Commands and flags: optee/README.md.
 *
 * @module
 */
import type { ErrorCode } from '../../../shared/protocol/src/error-table.ts'
import { TeeError } from '../../src/errors.ts'

export const TA_UUID = '809a44f6-3a1c-4e40-860d-4ab23abd8ccb'

/** Input of one exchange. */
export const MAX_INPUT_BYTES = 1024 * 1024
/** Room for output of one exchange. */
export const OUTPUT_BYTES = 1024 * 1024
/**
 * What the trusted application takes as one message: less than a process does, its memory is secure memory, of which a
 * message takes its own length several times. What clients ask is smaller still (`recordBytes` of its limits).
 */
export const MAX_MESSAGE_BYTES = 1024 * 1024

/** Flags of an exchange. */
export const FLAG = { more: 1, due: 2, ended: 4, fatal: 8 } as const

export interface Exchange {
  /** Bytes of the stream from the trusted application; the receiver owns them. */
  readonly output: Uint8Array
  readonly flags: number
}

/** One call at a time; after an error, only `close`. */
export interface TaSession {
  /** Resolves when the session cannot be used any more though nobody closed it; on a board a call tells, and this never does. */
  readonly lost: Promise<void>
  /** Runs the bundle and opens the store. Once. @throws {TeeError} */
  start(): Promise<void>
  /**
   * @param input at most `MAX_INPUT_BYTES`, read before this returns its promise's value.
   * @param hasMore whether more input follows at once, so that both are handled together.
   * @throws {TeeError}
   */
  exchange(input: Uint8Array, hasMore: boolean): Promise<Exchange>
  /** Ends the trusted application's instance. Does not throw: a session that is lost is closed. */
  close(): Promise<void>
}

/** What has an OP-TEE: this machine, or one that is emulated. */
export interface OpteeMachine {
  readonly isolation: readonly string[]
  /** Opens the one session; starts the machine first if it does not run. @throws {TeeError} */
  open(): Promise<TaSession>
  /** Takes the machine down at once, if it is ours; a call that never returns, returns then. */
  kill(): void
  close(): Promise<void>
}

/** Results of libteec (GlobalPlatform TEE Client API 1.0, table 4-2) that mean something of their own to us. */
const CODES: ReadonlyMap<number, ErrorCode> = new Map([
  // TEEC_ERROR_SECURITY: the signature of the trusted application is not of the key that this OP-TEE trusts, or the
  // file is damaged; TEEC_ERROR_ITEM_NOT_FOUND, TEEC_ERROR_NOT_IMPLEMENTED: there is none; TEEC_ERROR_BAD_FORMAT, TEEC_ERROR_ACCESS_CONFLICT: it is
  // none, or an older version than this device has run before.
  [0xffff000f, 'TEE_MEASUREMENT'],
  [0xffff0008, 'TEE_MEASUREMENT'],
  [0xffff0009, 'TEE_MEASUREMENT'],
  [0xffff0005, 'TEE_MEASUREMENT'],
  [0xffff0003, 'TEE_MEASUREMENT'],
  // TEE_ERROR_CORRUPT_OBJECT and its second kind: OP-TEE's own files on the disk, among them which versions of trusted
  // applications have run, were changed or are of another device.
  [0xf0100001, 'STORE_DAMAGED'],
  [0xf0100002, 'STORE_DAMAGED'],
  // TEEC_ERROR_OUT_OF_MEMORY, TEEC_ERROR_BUSY, TEEC_ERROR_COMMUNICATION, TEEC_ERROR_TARGET_DEAD.
  [0xffff000c, 'SERVER_UNAVAILABLE'],
  [0xffff000d, 'SERVER_UNAVAILABLE'],
  [0xffff000e, 'SERVER_UNAVAILABLE'],
  [0xffff3024, 'SERVER_UNAVAILABLE'],
])

/** @param result of libteec, 32 bits. @throws {TeeError} unless it is success. */
export function checkResult(result: number, call: string): void {
  if (result === 0) return
  throw new TeeError(CODES.get(result) ?? 'TEE_FAULT', `${call}: 0x${result.toString(16)}`)
}

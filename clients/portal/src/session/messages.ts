/**
 * What the page and its worker say to each other. Values must be ones that can be cloned.
 *
 * @module
 */
import type { ErrorCode } from '../../../../shared/protocol/src/error-table.ts'

export interface Call {
  readonly id: number
  readonly area: string
  readonly name: string
  readonly args: readonly unknown[]
}

/** An error as it crosses: a code of the product, or a fault of this program. */
export interface CarriedError {
  readonly code: ErrorCode | 'PORTAL_FAULT'
  readonly link?: number
  /** Fixed text for a report; no contents. */
  readonly detail: string
}

export type Reply =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number; readonly ok: false; readonly error: CarriedError }
  /** How far a long call is; any number of them before the end. */
  | { readonly id: number; readonly progress: unknown }

/** Functions of the worker, by name. The last argument may be a `Report`, which the page gives as `onProgress`. */
export type Area = Readonly<Record<string, (...args: never[]) => Promise<unknown>>>
export type Report<T> = (progress: T) => void

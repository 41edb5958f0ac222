/**
 * Says what something is that a person pasted: every identifier tells by its form, files by their first members. Only
 * the form is looked at; what it names may not exist. Spec: docs/protocol/01-conventions.md §1.2.
 *
 * @module
 */
import {
  parseReceipt,
  type BatchId,
  type ParticipantRef,
  type Receipt,
  type RecordId,
  type ServerRef,
  type Sha256Hex,
  type WarrantId,
} from '../../../../shared/protocol/src/index.ts'
import { LogError, parseCheckpoint, parseNote } from '../../../../shared/tlog/src/index.ts'
import { codeOf } from '../errors.ts'
import { parseRecordFile, type RecordFile } from '../record-file.ts'

export type Pasted =
  | { readonly kind: 'block'; readonly number: number }
  /** A transaction, a patient's or doctor's tag, or any other fingerprint: the form is the same. */
  | { readonly kind: 'fingerprint'; readonly hex: Sha256Hex }
  | { readonly kind: 'record'; readonly record: RecordId }
  | { readonly kind: 'warrant'; readonly warrant: WarrantId }
  | { readonly kind: 'batch'; readonly batch: BatchId }
  | { readonly kind: 'participant'; readonly ref: ParticipantRef }
  | { readonly kind: 'checkpoint'; readonly server: ServerRef; readonly size: number; readonly note: string }
  | { readonly kind: 'receipt'; readonly receipt: Receipt; readonly jws: string }
  | { readonly kind: 'record-file'; readonly file: RecordFile }
  | { readonly kind: 'unknown' }

const NOTHING = { kind: 'unknown' } as const

/** @param pasted any text; space around it does not matter, nor does a thousands separator in a number. */
export function recognise(pasted: string): Pasted {
  const text = pasted.trim()
  if (/^\d{1,3}([,. \u00a0\u202f’']?\d{3}){0,3}$|^\d{1,12}$/.test(text)) {
    return { kind: 'block', number: Number(text.replaceAll(/\D/g, '')) }
  }
  const lower = text.toLowerCase()
  if (/^[0-9a-f]{64}$/.test(lower)) return { kind: 'fingerprint', hex: lower as Sha256Hex }
  if (/^[a-z]-[0-9a-f]{32}$/.test(lower)) return identifierOf(lower)
  if (text.startsWith('trusthealth/s-')) return checkpointOf(pasted)
  if (text.startsWith('{')) return fileOf(text)
  if (/^[\w-]+\.[\w-]+\.[\w-]+$/.test(text)) return receiptOf(text)
  return NOTHING
}

function identifierOf(id: string): Pasted {
  switch (id[0]) {
    case 'r':
      return { kind: 'record', record: id as RecordId }
    case 'w':
      return { kind: 'warrant', warrant: id as WarrantId }
    case 'b':
      return { kind: 'batch', batch: id as BatchId }
    case 'p':
    case 'd':
    case 'h':
    case 'a':
    case 's':
      return { kind: 'participant', ref: id as ParticipantRef }
    default:
      return NOTHING
  }
}

/** Copies lose the last line's end, and some the empty line's spaces come from mail programs. */
function checkpointOf(pasted: string): Pasted {
  const note = `${pasted.trim().replaceAll('\r\n', '\n')}\n`
  try {
    const { origin, size } = parseCheckpoint(parseNote(note).text)
    return { kind: 'checkpoint', server: origin.slice('trusthealth/'.length) as ServerRef, size, note }
  } catch (error) {
    if (error instanceof LogError) return NOTHING
    throw error
  }
}

function fileOf(text: string): Pasted {
  try {
    return { kind: 'record-file', file: parseRecordFile(text) }
  } catch (error) {
    if (codeOf(error) === 'MESSAGE_MALFORMED') return NOTHING
    throw error
  }
}

function receiptOf(jws: string): Pasted {
  try {
    return { kind: 'receipt', receipt: parseReceipt(jws).payload, jws }
  } catch (error) {
    if (codeOf(error) !== undefined) return NOTHING
    throw error
  }
}

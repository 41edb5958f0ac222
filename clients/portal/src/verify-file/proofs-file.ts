/**
 * The proofs inside a downloaded Bundle, and how such a file is told from one with a single record.
 *
 * @module
 */
import { decodeBase64url, decodeUtf8 } from '../../../../shared/crypto/src/index.ts'
import {
  batchIdShape,
  list,
  literal,
  parseJson,
  patientRefShape,
  recordIdShape,
  struct,
  text,
  uint,
  type Infer,
} from '../../../../shared/protocol/src/index.ts'
import { ClientError } from '../../../sdk/src/errors.ts'
import { factsShape } from '../session/facts.ts'
import { recordedReadsShape } from '../session/recorded-ledger.ts'

export const PROOFS_TYPE = 'application/vnd.trusthealth.records+json'
const MAX_FILE_BYTES = 512 * 2 ** 20

const proofsShape = struct({
  trusthealth: literal('records/1'),
  facts: factsShape,
  madeMs: uint(),
  patient: struct({ ref: patientRefShape, name: text({ max: 128 }) }),
  /** Each as `trusthealth record verify` takes it. */
  records: list(text({ max: 24 * 2 ** 20 }), { max: 100_000 }),
  reads: recordedReadsShape,
  places: list(
    struct({ recordId: recordIdShape, version: uint({ min: 1 }), batchId: batchIdShape, index: uint({ max: 999 }) }),
    { max: 1_000_000 },
  ),
  consistency: list(struct({ from: uint(), to: uint(), proof: list(text({ max: 43 }), { max: 54 }) }), {
    max: 100_000,
  }),
})
type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer E)[] ? E[] : T[K] }
export type ProofsFile = Mutable<Infer<typeof proofsShape>>

export interface DownloadedFile {
  readonly proofs: ProofsFile
  /** As they stand beside the proofs; compared with the proven text. */
  readonly resources: readonly unknown[]
}

/** @throws {ClientError} `MESSAGE_MALFORMED` if it is no such Bundle. */
export function parseDownload(fileText: string): DownloadedFile {
  try {
    const bundle = parseJson(fileText, { maxBytes: MAX_FILE_BYTES, maxNesting: 100 }) as {
      readonly entry?: readonly { readonly resource?: Readonly<Record<string, unknown>> }[]
    }
    const resources = (bundle.entry ?? []).map(({ resource }) => resource ?? {})
    const binary = resources.find(({ contentType }) => contentType === PROOFS_TYPE)
    const found = binary?.['data']
    const data = typeof found === 'string' ? found : ''
    const plain = data.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
    const proofs = proofsShape(
      parseJson(decodeUtf8(decodeBase64url(plain)), { maxBytes: MAX_FILE_BYTES }),
      'proofs',
    ) as ProofsFile
    return { proofs, resources: resources.filter((one) => one !== binary) }
  } catch (cause) {
    throw new ClientError('MESSAGE_MALFORMED', { cause, detail: 'This is not a download with proofs.' })
  }
}

/**
 * A downloaded record with its proofs: one JSON file that another computer can check without the record server.
 * The bytes that count are in `record`; `resource` repeats the text for people and is not believed.
 *
 * @module
 */
import { decodeBase64url, decodeUtf8, encodeBase64url } from '../../../shared/crypto/src/index.ts'
import {
  decodeCbor,
  encodeCbor,
  literal,
  parseJson,
  serverRefShape,
  struct,
  text,
  type ServerRef,
} from '../../../shared/protocol/src/index.ts'
import { ClientError } from './errors.ts'
import { recordAnswerShape, type RecordAnswer } from './record-answer.ts'

export interface RecordFile {
  /** TEE server that delivered the record. */
  readonly serverRef: ServerRef
  readonly answer: RecordAnswer
}

const MAX_FILE_BYTES = 24 * 2 ** 20

const fileShape = struct({
  trusthealth: literal('record/1'),
  serverRef: serverRefShape,
  record: text({ max: MAX_FILE_BYTES }),
  resource: (value: unknown) => value,
})

export function formatRecordFile({ serverRef, answer }: RecordFile): string {
  const { commitment, log, ...rest } = answer
  const record = encodeBase64url(encodeCbor({ ...rest, commitment: { ...commitment }, log: { ...log } }))
  const resource: unknown = JSON.parse(decodeUtf8(answer.ehr))
  return `${JSON.stringify({ trusthealth: 'record/1', serverRef, record, resource }, null, 1)}\n`
}

/** @throws {ClientError} `MESSAGE_MALFORMED` if it is not such a file. */
export function parseRecordFile(fileText: string): RecordFile {
  try {
    const file = fileShape(parseJson(fileText, { maxBytes: MAX_FILE_BYTES, maxNesting: 100 }), 'record file')
    return { serverRef: file.serverRef, answer: recordAnswerShape(decodeCbor(decodeBase64url(file.record)), 'record') }
  } catch (cause) {
    throw new ClientError('MESSAGE_MALFORMED', { cause, detail: 'This is not a downloaded record with proofs.' })
  }
}

/**
 * The result of a whole check as a file: what was checked, from which first block and keys, how it ended, signed by
 * whoever checked. The text inside is signed byte for byte as it stands. It proves who says so, not that it is so: run
 * the check again for that. Spec: docs/protocol/07-ledger.md §7.10.
 *
 * @module
 */
import {
  concat,
  decodeBase64url,
  encodeBase64url,
  encodeUtf8,
  label,
  type Crypto,
} from '../../../../shared/crypto/src/index.ts'
import {
  b64u,
  list,
  literal,
  oneOf,
  optional,
  parseJson,
  sha256HexShape,
  struct,
  text,
  uint,
  type Infer,
} from '../../../../shared/protocol/src/index.ts'
import { ClientError } from '../errors.ts'
import type { Signer } from '../identity.ts'

const AUDIT_REPORT = label('audit-report')
const MAX_REPORT_BYTES = 2 ** 20

export const AUDIT_CHECKS = ['ledger', 'authors', 'checkpoints', 'log', 'witnesses', 'program', 'misuse'] as const
export type AuditCheck = (typeof AUDIT_CHECKS)[number]

const findingShape = struct({
  check: oneOf(...AUDIT_CHECKS),
  /** `skip`: could not be checked, `fail`: checked and wrong, `note`: checked, and people must look at what was found. */
  result: oneOf('pass', 'fail', 'skip', 'note'),
  /** Stable code of docs/errors.md where the result is not a pass. */
  code: optional(text({ max: 64 })),
  /** Number of the first block at fault. */
  block: optional(uint()),
  /** What was found, in words. */
  detail: optional(text({ max: 1_024 })),
})
/** @useDeclaredType */
export type AuditFinding = Infer<typeof findingShape>

const reportShape = struct({
  v: literal(1),
  channel: text({ max: 64 }),
  startedMs: uint(),
  endedMs: uint(),
  /** Blocks checked, from number 0. */
  blocks: uint(),
  /** Of these: checked whole in an earlier run on the same device, in this one compared with the hash kept then. */
  seen: optional(uint()),
  transactions: uint(),
  records: uint(),
  checkpoints: uint(),
  /** Hex hash of the newest block that was checked; absent if there is none. */
  head: optional(sha256HexShape),
  /** Hex fingerprint of the first block's configuration: what the check started from. */
  genesis: sha256HexShape,
  findings: list(findingShape, { max: 32 }),
})
/** @useDeclaredType */
export type AuditReport = Infer<typeof reportShape>

export interface SignedAuditReport {
  readonly report: AuditReport
  /** Who checked: a reference of the consortium, as the file says. */
  readonly by: string
  /** 65 bytes; compare its thumbprint with what the ledger has of `by`. */
  readonly publicKey: Uint8Array
}

const fileShape = struct({
  trusthealth: literal('audit/1'),
  report: text({ max: MAX_REPORT_BYTES }),
  by: text({ max: 34, pattern: /^[pdhas]-[0-9a-f]{32}$/ }),
  publicKey: b64u(65),
  signature: b64u(64),
})

/** @returns the text of the file. */
export async function signAuditReport(report: AuditReport, by: string, signer: Signer): Promise<string> {
  const inner = JSON.stringify(reportShape(report, 'report'))
  const signature = encodeBase64url(await signer.sign(signingInput(by, inner)))
  const publicKey = encodeBase64url(signer.publicKey)
  return `${JSON.stringify({ trusthealth: 'audit/1', report: inner, by, publicKey, signature }, null, 1)}\n`
}

/** @throws {ClientError} `MESSAGE_MALFORMED` if it is no such file, or not signed by the key that it names. */
export function openAuditReport(crypto: Crypto, fileText: string): SignedAuditReport {
  try {
    const file = fileShape(parseJson(fileText, { maxBytes: 2 * MAX_REPORT_BYTES }), 'audit report')
    const publicKey = decodeBase64url(file.publicKey)
    const input = signingInput(file.by, file.report)
    if (!crypto.verify(crypto.importVerifyingKey(publicKey), input, decodeBase64url(file.signature))) {
      throw new ClientError('MESSAGE_MALFORMED')
    }
    const report = reportShape(parseJson(file.report, { maxBytes: MAX_REPORT_BYTES }), 'report')
    return { report, by: file.by, publicKey }
  } catch (cause) {
    throw new ClientError('MESSAGE_MALFORMED', { cause, detail: 'This is not a signed audit report.' })
  }
}

function signingInput(by: string, report: string): Uint8Array {
  return concat(AUDIT_REPORT, encodeUtf8(by), new Uint8Array(1), encodeUtf8(report))
}

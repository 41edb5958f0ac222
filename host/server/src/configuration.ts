/**
 * What the record server's normal world is told: which trusted application to start and where, which ledger to ask and
 * as whom. `--config FILE`, readable by its owner only: it holds the key that signs what is asked of the ledger.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { ledgerLocationShape } from '../../../ledger/client/src/index.ts'
import {
  b64uBytes,
  literal,
  mspIdShape,
  optional,
  parseJson,
  sha256HexShape,
  struct,
  text,
  uint,
  type Infer,
} from '../../../shared/protocol/src/index.ts'
import { decodeBase64url } from '../../../shared/crypto/src/index.ts'

const path = text({ min: 1, max: 4_096 })
const token = text({ min: 32, max: 128 })

const configurationShape = struct({
  v: literal(1),
  /** On loopback; whoever wants it elsewhere puts a proxy with TLS in front. */
  port: uint({ max: 65_535 }),
  /** The file of the trusted application, and the SHA-256 that it must have. */
  taPath: path,
  measurement: sha256HexShape,
  /** Of the trusted application; its subfolder `data` is the only place it may write. */
  storeFolder: path,
  /** The emulated machine with OP-TEE that it runs in, or OP-TEE of this machine; both absent: a process. */
  optee: optional(struct({ flash: path, kernel: path, initrd: path })),
  board: optional(literal(true)),
  /** File of the index of commitments. */
  indexPath: path,
  /** Place of the ledger, see `openLedger`. */
  ledgerUrl: ledgerLocationShape,
  channel: text({ max: 64 }),
  /** What the operator's requests carry that exchange the identity key; without it nobody exchanges it. */
  operatorToken: optional(token),
  /** A replica follows this server, or this one follows the server at `follow`; the operator's token on both. */
  replica: optional(struct({ token, follow: optional(text({ min: 1, max: 256 })) })),
  /** New hardware for the store of a lost server: its configuration, and the folder of its backups. */
  restore: optional(struct({ configuration: path, backups: path })),
  /** A member without a role: carries the trusted application's questions and checkpoints to the ledger. */
  reader: struct({
    mspId: mspIdShape,
    /** DER, b64u. */
    certificate: text({ min: 1, max: 10_923, pattern: /^[A-Za-z0-9_-]+$/ }),
    /** Private scalar. */
    signingKey: b64uBytes(32),
  }),
})
export type HostConfiguration = Infer<typeof configurationShape> & { readonly readerCertificate: Uint8Array }

/** @throws {ProtocolError} `MESSAGE_MALFORMED` */
export function readHostConfiguration(file: string): HostConfiguration {
  const parsed = parseJson(readFileSync(file, 'utf8'), { maxBytes: 65_536 })
  const configuration = configurationShape(parsed, 'configuration')
  return { ...configuration, readerCertificate: decodeBase64url(configuration.reader.certificate) }
}

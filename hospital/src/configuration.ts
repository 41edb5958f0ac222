/**
 * What a hospital service is told from outside: where the ledger and the record server are, and whom to believe.
 * No keys in it. `hospital.json` in the hospital's folder.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fabricTrustShape, ledgerLocationShape } from '../../ledger/client/src/index.ts'
import {
  b64uBytes,
  bool,
  hospitalRefShape,
  list,
  literal,
  mspIdShape,
  oneOf,
  optional,
  parseJson,
  serverRefShape,
  struct,
  text,
  uint,
  type Infer,
} from '../../shared/protocol/src/index.ts'
import { storeKeySourceShape } from './store-key.ts'

const url = text({ max: 256, pattern: /^https?:\/\/[A-Za-z0-9.:[\]-]+$/ })

export const hospitalConfigurationShape = struct({
  v: literal(1),
  name: text({ min: 1, max: 128 }),
  mspId: mspIdShape,
  /** Loopback only; whoever wants it elsewhere puts a proxy with TLS in front. */
  port: uint({ max: 65_535 }),
  channel: text({ max: 64 }),
  /** Keys of the ledger's nodes, and how many organisations must agree. On Fabric there are none: see `fabric`. */
  nodes: list(struct({ mspId: mspIdShape, publicKey: b64uBytes(65) }), { max: 64 }),
  /** On Fabric: the chaincode, and the organisations whose peers are believed. */
  fabric: optional(fabricTrustShape),
  quorum: uint({ min: 1, max: 64 }),
  /** Place of the ledger, see `openLedger`. */
  ledgerUrl: ledgerLocationShape,
  server: struct({
    ref: serverRefShape,
    url,
    /** Further addresses of the same server. */
    urls: optional(list(url, { max: 8 })),
    /** Attested sessions by each address; default 1. */
    sessions: optional(uint({ min: 1, max: 16 })),
  }),
  /** Address under which apps and browsers reach the service: of the proxy, where one is in front. Default: loopback. */
  publicUrl: optional(url),
  /** Where the key of the store is; default: a file beside it. */
  storeKey: optional(storeKeySourceShape),
  /** Copies of the store: where, how often (0: never by itself; default 24), how many stay (default 14). */
  backups: optional(
    struct({
      folder: optional(text({ min: 1, max: 4_096 })),
      everyHours: optional(uint({ max: 500 })),
      keep: optional(uint({ min: 1, max: 10_000 })),
    }),
  ),
  /** Accepts a protected area that is only simulated: for practice. */
  allowSimulated: optional(bool()),
  /** Whether FHIR resources are validated against R4 when they are written: not, with a note in the log, or refused. */
  fhirValidation: optional(oneOf('off', 'warn', 'refuse')),
  /** What DELETE in the FHIR API does to a patient's record: see docs/fhir.md. Default: `withdraw`. */
  fhirDelete: optional(oneOf('withdraw', 'request-erase', 'refuse')),
  /** Looks at the record server's log this often and cosigns it; absent or 0: it is no witness. */
  witness: optional(struct({ everySeconds: uint({ max: 3_600 }) })),
  /** Fetches its recovery share of the record server's key, and looks this often for another; absent or 0: never. */
  recovery: optional(struct({ everySeconds: uint({ max: 86_400 }) })),
  /** Names and departments of its doctors are public, so that patients of other hospitals find them. Default: no. */
  publishDirectory: optional(bool()),
  /** Other hospitals whose published lists it passes on to its own people, under the name that it knows them by. */
  directories: optional(list(struct({ ref: hospitalRefShape, name: text({ min: 1, max: 128 }), url }), { max: 64 })),
  /** Codes `system|code` of results that the portal opens on the patient's own choice only; default: portal/sensitive-results.ts. */
  sensitiveResults: optional(list(text({ min: 3, max: 256, pattern: /^[^|]+\|[^|]+$/ }), { max: 512 })),
  /** Requests that one address may send in a minute. Raise it where many people share one: behind a proxy, at a ward. */
  requestsPerMinute: optional(uint({ min: 1, max: 1_000_000_000 })),
})
export type HospitalConfiguration = Infer<typeof hospitalConfigurationShape>

export const CONFIGURATION_FILE = 'hospital.json'

/** @throws {ProtocolError} `MESSAGE_MALFORMED` */
export function readHospitalConfiguration(folder: string): HospitalConfiguration {
  const fileText = readFileSync(join(folder, CONFIGURATION_FILE), 'utf8')
  return hospitalConfigurationShape(parseJson(fileText, { maxBytes: 65_536 }), CONFIGURATION_FILE)
}

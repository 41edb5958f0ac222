/**
 * Reads of the ledger that the reader proves to itself: own nonce, signatures of a quorum of organisations, whoever
 * carried the answers. Spec: docs/protocol/07-ledger.md §7.5.
 *
 * @module
 */
import { decodeBase64url, type Crypto } from '../../../shared/crypto/src/index.ts'
import {
  decodeEndorsedAnswers,
  participantRecordShape,
  EndorsedReader,
  isKeyChanging,
  type EndorsedAnswer,
  type EndorsementTrust,
  type FabricTrust,
  type ParticipantRecord,
} from '../../../shared/ledger-model/src/index.ts'
import {
  parseJson,
  struct,
  text,
  type MspId,
  type ServerRegistration,
  type Shape,
} from '../../../shared/protocol/src/index.ts'
import { ClientError, codeOf } from './errors.ts'
import type { HospitalApi } from './hospital-api.ts'
import type { RequestSigner } from './hospital-calls.ts'
import type { LedgerAnswer, LedgerQuery, LedgerReader } from './ports.ts'

/** What a reader must know of the consortium before it can believe any answer. Public; from the hospital's staff. */
export interface ConsortiumConfig {
  readonly channel: string
  readonly nodes: readonly { readonly mspId: MspId; /** 65 bytes. */ readonly publicKey: Uint8Array }[]
  /** Organisations that must agree. */
  readonly quorum: number
  /** On Hyperledger Fabric: whose peers are believed. There are no `nodes` then. */
  readonly fabric?: FabricTrust
}

/** Fetches one list of answers per query; not trusted. */
export type FetchAnswers = (
  queries: readonly LedgerQuery[],
  nonce: Uint8Array,
  minHeight: number | undefined,
) => Promise<readonly (readonly EndorsedAnswer[])[]>

const MAX_RESULT_BYTES = 16 * 2 ** 20

export class VerifyingLedgerReader implements LedgerReader {
  readonly isPractice: boolean
  readonly source: string
  readonly #crypto: Crypto
  readonly #trust: EndorsementTrust
  readonly #fetch: FetchAnswers
  #reader: EndorsedReader | undefined

  /** @param source whom `fetch` asks, for people. */
  constructor(crypto: Crypto, config: ConsortiumConfig, fetch: FetchAnswers, source: string) {
    this.#crypto = crypto
    const { channel, quorum, nodes, fabric } = config
    const keys = nodes.map(({ mspId, publicKey }) => ({ mspId, publicKey: crypto.importVerifyingKey(publicKey) }))
    this.#trust = { channel, quorum, ...(fabric === undefined ? { nodes: keys } : { fabric }) }
    this.#fetch = fetch
    this.source = source
    this.isPractice = new Set((fabric?.organizations ?? nodes).map(({ mspId }) => mspId)).size < 2
  }

  async read(queries: readonly LedgerQuery[], options: { readonly minHeight?: number } = {}): Promise<LedgerAnswer[]> {
    const nonce = this.#crypto.randomBytes(32)
    const answers = await this.#fetch(queries, nonce, options.minHeight)
    if (answers.length !== queries.length) throw new ClientError('ENDORSEMENT_MALFORMED')
    // Kept: it remembers certificates that it has checked.
    this.#reader ??= new EndorsedReader(this.#crypto, this.#trust)
    const reader = this.#reader
    const { minHeight = 0 } = options
    return queries.map((query, i) => reader.read({ query, nonce, minHeight }, answers[i] ?? []))
  }
}

const relayShape = struct({ answers: text({ max: 89_478_486 }) })

/** Through a hospital service, which has a certificate where a patient has none. */
export function relayedBy(hospital: HospitalApi, as: RequestSigner): FetchAnswers {
  return async (queries, nonce, minHeight) => {
    const { answers } = await hospital.endorsedReads(as, queries, nonce, minHeight, relayShape)
    return decodeEndorsedAnswers(decodeBase64url(answers))
  }
}

/**
 * The checked result of one function.
 * @throws {ClientError} the code with which the contract refused, `ENDORSEMENT_*`, `LEDGER_UNAVAILABLE`.
 */
export async function readLedger<T>(
  ledger: LedgerReader,
  fn: string,
  args: readonly string[],
  shape: Shape<T>,
  options: { readonly minHeight?: number } = {},
): Promise<{ readonly value: T; readonly answer: LedgerAnswer }> {
  const [answer] = await ledger.read([{ fn, args }], options)
  if (answer === undefined) throw new ClientError('ENDORSEMENT_MALFORMED')
  return { value: parseLedgerResult(answer, shape), answer }
}

/** @throws {ClientError} the code with which the contract refused. */
export function parseLedgerResult<T>(answer: LedgerAnswer, shape: Shape<T>): T {
  if (answer.status !== 200) {
    throw new ClientError(codeOf({ code: answer.status }) ?? 'ENDORSEMENT_MALFORMED')
  }
  return shape(parseJson(answer.result, { maxBytes: MAX_RESULT_BYTES }), 'ledger result')
}

/** A server's registration as the ledger has it now. */
export interface KnownServer extends ServerRegistration {
  /** Its key was just exchanged: the server may still show the one before, which is refused. */
  readonly isKeyChanging?: boolean
}

/** A TEE server's registration, from the ledger and from nobody else. */
export async function readServerRegistration(ledger: LedgerReader, serverRef: string): Promise<KnownServer> {
  const { value } = await readLedger(ledger, 'participant', [serverRef], participantRecordShape)
  return serverRegistrationOf(value)
}

/** @throws {ClientError} `PARTICIPANT_UNKNOWN`, `PARTICIPANT_SUSPENDED` */
export function serverRegistrationOf(record: ParticipantRecord): KnownServer {
  if (record.server === undefined || !record.ref.startsWith('s-')) throw new ClientError('PARTICIPANT_UNKNOWN')
  if (record.status !== 'active') throw new ClientError('PARTICIPANT_SUSPENDED')
  const { teeKind, measurements, configDigest, attestationKeys, optee } = record.server
  return {
    serverRef: record.ref as ServerRegistration['serverRef'],
    identityKey: decodeBase64url(record.publicKey),
    teeKind,
    measurements,
    configDigest,
    attestationKeys: attestationKeys.map((key) => decodeBase64url(key)),
    ...(optee === undefined ? {} : { optee }),
    ...(isKeyChanging(record) ? { isKeyChanging: true } : {}),
  }
}

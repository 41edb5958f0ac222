/**
 * This hospital's part in the recovery of a lost record server: it fetches its share of the key while the server is there,
 * and gives it to new hardware when the server is gone, to one device only: the one that the organisations voted for, in
 * a session in which that device has proven what it is. Spec: docs/protocol/12-recovery-shares.md §12.2, §12.4.
 *
 * @module
 */
import { HttpTransport, type BinaryFetch } from '../../../clients/sdk/src/http-transport.ts'
import type { Fetch } from '../../../clients/sdk/src/hospital-calls.ts'
import type { HospitalClient } from '../../../clients/sdk/src/hospital.ts'
import type { Identity } from '../../../clients/sdk/src/identity.ts'
import { readLedger, serverRegistrationOf } from '../../../clients/sdk/src/ledger-reader.ts'
import { SecureSession } from '../../../clients/sdk/src/secure-session.ts'
import type { CommittedTransaction } from '../../../ledger/client/src/index.ts'
import { encodeHex, equalBytes, type AgreementKey, type Crypto } from '../../../shared/crypto/src/index.ts'
import {
  approvedSuccession,
  participantRecordShape,
  successionRecordShape,
} from '../../../shared/ledger-model/src/index.ts'
import {
  b64uBytes,
  bool,
  bytes,
  instanceDigest,
  list,
  mspIdShape,
  openRecoverySet,
  openShare,
  parseJson,
  ProtocolError,
  struct,
  uint,
  type HospitalRef,
  type MspId,
  type ServerRegistration,
} from '../../../shared/protocol/src/index.ts'
import { AWAY, every, type Repeated } from '../repeated.ts'
import { KeptShares, type KeptSet } from './kept-shares.ts'

const MAX_ANSWER_BYTES = 65_536
/** Until it has its share, and while too few others have theirs; and how often it looks whether a block told of another. */
const SOON_MS = 5_000
/** The server takes its next key, or the store, about so long after the ledger shows it. */
const TAKING_MS = 500
/** Of the server's own checkpoints, which change nothing here. */
const ANCHORED = 'CheckpointAnchored'
/** Nor is it trouble if the server has no shares, does not know this hospital yet, or has too few hospitals for them. */
const EXPECTED = [
  ...AWAY,
  'HTTP_NOT_FOUND',
  'ORGANIZATION_UNKNOWN',
  'CREDENTIAL_REJECTED',
  'RECOVERY_TOO_FEW_HOSPITALS',
]

const shareShape = struct({
  set: bytes({ min: 1, max: 256 * 1024 }),
  signature: bytes({ length: 64 }),
  held: uint(),
  isReady: bool(),
})
const givenShape = struct({
  given: list(mspIdShape, { max: 64 }),
  threshold: uint({ min: 2 }),
  isComplete: bool(),
})

export interface RecoveryParts {
  readonly crypto: Crypto
  /** The hospital's own folder. */
  readonly folder: string
  readonly ref: HospitalRef
  readonly identity: Identity
  readonly sealKey: AgreementKey
  readonly recordServer: Pick<HospitalClient, 'session' | 'options'>
  /** Where the record server is, and new hardware in its place. */
  readonly url: string
  readonly fetch: Fetch
  readonly fetchBytes: BinaryFetch
}

/** What is looked at in a transaction of a block. */
type BlockTransaction = Pick<CommittedTransaction, 'status' | 'event'>

/** What a hospital has, for its administrator. */
export interface KeptShare {
  readonly number: number
  readonly timeMs: number
  readonly threshold: number
  readonly holders: readonly MspId[]
}

/** What came of giving it. */
export interface Given {
  /** Hex, of the device. */
  readonly instance: string
  /** Organisations that have given theirs. */
  readonly given: readonly MspId[]
  readonly threshold: number
  readonly isComplete: boolean
}

export class Recovery {
  readonly #parts: RecoveryParts
  readonly #kept: KeptShares
  #repeated: Repeated | undefined
  /** Blocks that changed something about the server. */
  #changes = 0

  constructor(parts: RecoveryParts) {
    this.#parts = parts
    this.#kept = new KeptShares(parts.folder)
  }

  /** Newest first. */
  list(): readonly KeptShare[] {
    return this.#kept.all().map(({ set: { number, timeMs, threshold, holders } }) => ({
      number,
      timeMs,
      threshold,
      holders: holders.map(({ mspId }) => mspId),
    }))
  }

  /**
   * Fetches the share of the newest set, keeps it, and says so; what was before is forgotten once enough have theirs.
   * @returns whether enough have.
   * @throws {ClientError | ProtocolError} `RECOVERY_TOO_FEW_HOSPITALS`, `RECOVERY_SET_INVALID`, `RECOVERY_SHARE_WRONG`
   */
  async fetch(): Promise<boolean> {
    const [newest] = this.#kept.all()
    let answer = await this.#ask(newest)
    const offered = await this.#open(answer)
    if (newest === undefined || !equalBytes(newest.set.id, offered.set.id)) {
      this.#kept.add(offered)
      answer = await this.#ask(offered)
      // Another one was made meanwhile: that is for the next look.
      if (!equalBytes(answer.set, offered.signed.set)) return false
    }
    if (answer.isReady) this.#kept.forgetEarlier()
    return answer.isReady
  }

  /**
   * Gives the share to the device that the organisations voted for.
   * @param url where it is; default: where the record server was.
   * @throws {ProtocolError} `RECOVERY_NO_SHARE`, `RECOVERY_NOT_APPROVED`, `ATTESTATION_*`; the code of the device.
   */
  async give(url = this.#parts.url): Promise<Given> {
    const { crypto, ref, sealKey } = this.#parts
    const kept = this.#kept.all()
    const [newest] = kept
    if (newest === undefined) throw new ProtocolError('RECOVERY_NO_SHARE', 'there is no share here')
    const { server, instance } = await this.#approved(newest, await this.#keyOf(url))
    const session = this.#sessionWith(url, server, newest.set.securityVersion)
    try {
      let last: Given | undefined
      // The newest first; the one before, where too few others have the newest.
      for (const { signed, set } of kept) {
        const share = openShare(crypto, set, ref, sealKey)
        const answer = givenShape(await session.request('recovery.give', { ...signed, share }), 'answer')
        share.fill(0)
        last = { instance, ...answer }
        if (answer.isComplete) break
      }
      return last as Given
    } finally {
      session.close()
    }
  }

  /**
   * Told of each block as it comes, so that the ledger need not be asked whether something changed. A peer that holds
   * blocks back delays the next share until the next fetch, and no longer.
   */
  notice({ transactions }: { readonly transactions: readonly BlockTransaction[] }): void {
    const { serverRef } = this.#parts.recordServer.options
    const isAbout = ({ status, event }: BlockTransaction) =>
      status === 'VALID' && event !== null && event.name !== ANCHORED && event.payload.includes(serverRef)
    if (transactions.some(isAbout)) this.#changes++
  }

  /**
   * @param onTrouble a refusal, which a person should look at; not told of a server that does not answer.
   * @param soonMs between looks; one at which nothing changed asks nobody.
   */
  start(everyMs: number, onTrouble: (error: unknown) => void, soonMs = SOON_MS): void {
    let ready: { readonly marks: string; readonly changes: number; readonly untilMs: number } | undefined
    const look = async (): Promise<number> => {
      const changes = this.#changes
      const nowMs = performance.now()
      const isCurrent = ready !== undefined && nowMs < ready.untilMs
      if (isCurrent && ready?.changes === changes) return Math.min(soonMs, ready.untilMs - nowMs)
      const marks = await this.#marks()
      if (isCurrent && ready?.marks === marks) {
        ready = { ...ready, changes }
        return Math.min(soonMs, ready.untilMs - nowMs)
      }
      const isChanging = ready !== undefined && ready.marks !== marks
      ready = undefined
      if (isChanging) return TAKING_MS
      if (await this.fetch()) ready = { marks, changes, untilMs: nowMs + everyMs }
      return Math.min(soonMs, everyMs)
    }
    this.#repeated = every({ look, retryMs: soonMs, expected: EXPECTED, onTrouble })
  }

  async stop(): Promise<void> {
    await this.#repeated?.stop()
  }

  /** What makes the server make another set when it changes (§12.1): its identity key, and who holds its store. */
  async #marks(): Promise<string> {
    const { registration, succession } = await this.#read()
    const [newest] = this.#kept.all()
    const { term, instance } = approvedSuccession(succession, newest?.set.voters ?? []) ?? {}
    return JSON.stringify([encodeHex(registration.identityKey), term, instance])
  }

  async #ask(has: KeptSet | undefined) {
    const { session } = this.#parts.recordServer
    return shareShape(await session.request('recovery.share', has === undefined ? {} : { has: has.set.id }), 'answer')
  }

  /** That it is of this server, and that the own share in it opens. */
  async #open({ set: encoded, signature }: { readonly set: Uint8Array; readonly signature: Uint8Array }) {
    const { crypto, ref, sealKey } = this.#parts
    const { serverRef, identityKey } = (await this.#read()).registration
    const signed = { set: encoded, signature }
    const server = { ref: serverRef, identityKey: crypto.importVerifyingKey(identityKey) }
    const set = openRecoverySet(crypto, signed, server)
    openShare(crypto, set, ref, sealKey).fill(0)
    return { signed, set }
  }

  /** The server's registration with the device's key in the place of the server's, which it does not have yet. */
  async #approved(newest: KeptSet, key: Uint8Array) {
    const { registration, succession } = await this.#read()
    const approved = approvedSuccession(succession, newest.set.voters)
    const instance = encodeHex(instanceDigest(this.#parts.crypto, key))
    if (approved?.instance !== instance) {
      throw new ProtocolError('RECOVERY_NOT_APPROVED', 'the organisations did not vote for this device')
    }
    return { server: { ...registration, identityKey: key }, instance }
  }

  async #read() {
    const { ledger, serverRef } = this.#parts.recordServer.options
    const [participant, votes] = await Promise.all([
      readLedger(ledger, 'participant', [serverRef], participantRecordShape),
      readLedger(ledger, 'succession', [serverRef], successionRecordShape),
    ])
    return { registration: serverRegistrationOf(participant.value), succession: votes.value }
  }

  /** A hint: what decides is the ledger's votes for its digest, and the evidence that binds it. */
  async #keyOf(url: string): Promise<Uint8Array> {
    let answer: string
    try {
      const response = await this.#parts.fetch(`${url}/v1/restore`, { method: 'GET', headers: {} })
      answer = await response.text()
      if (response.status === 404) throw new ProtocolError('TEE_ALREADY_PROVISIONED', 'nothing is restored there')
    } catch (cause) {
      if (cause instanceof ProtocolError) throw cause
      throw new ProtocolError('SERVER_UNAVAILABLE', 'the new hardware does not answer', { cause })
    }
    const { key } = (parseJson(answer, { maxBytes: MAX_ANSWER_BYTES }) ?? {}) as { readonly key?: unknown }
    if (key === undefined) throw new ProtocolError('TEE_ALREADY_PROVISIONED', 'nothing is restored there')
    return b64uBytes(65)(key, 'key')
  }

  #sessionWith(url: string, server: ServerRegistration, minSecurityVersion: number): SecureSession {
    const { crypto, identity, recordServer, fetchBytes } = this.#parts
    const { clock, policy } = recordServer.options
    return new SecureSession({
      crypto,
      clock,
      identity,
      transport: new HttpTransport(url, fetchBytes, '/v1/restore'),
      findServer: () => Promise.resolve(server),
      policy: { ...policy, minSecurityVersion },
    })
  }
}

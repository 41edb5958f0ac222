/**
 * An attested session with the trusted application: opens it, keeps it, opens a new one when it ends. The server's
 * registration comes from the ledger, so a host cannot introduce itself. Spec: docs/protocol/05-sessions.md.
 *
 * @module
 */
import type { Crypto } from '../../../shared/crypto/src/index.ts'
import {
  hospitalRefShape,
  isErrorCode,
  mspIdShape,
  struct,
  uint,
  type AttestationPolicy,
  type CborValue,
  type EvidenceResult,
} from '../../../shared/protocol/src/index.ts'
import { startHandshake, type CheckedServer, type ClientSession } from '../../../shared/protocol/src/session/index.ts'
import { ClientError, codeOf } from './errors.ts'
import type { Identity } from './identity.ts'
import type { KnownServer } from './ledger-reader.ts'
import type { Clock, RequestBody, Transport } from './ports.ts'
import { logPlaceShape } from './record-answer.ts'
import { identityEndsMs } from './renew-identity.ts'

export interface SecureSessionOptions {
  readonly crypto: Crypto
  readonly clock: Clock
  readonly transport: Transport
  readonly identity: Identity
  /** Reads the server's registration from the ledger; called for each handshake. */
  readonly findServer: () => Promise<KnownServer>
  readonly policy: AttestationPolicy
}

/** Codes after which a new handshake and the same request again are right: nothing was carried out. */
const NEW_HANDSHAKE = new Set(['SESSION_UNKNOWN', 'SESSION_EXPIRED'])
/** While the ledger says that the server's key was just exchanged, a handshake under another key is tried again. */
const KEY_CHANGE_TRIES = 50
const KEY_CHANGE_PAUSE_MS = 100
/**
 * Before each further handshake with a server whose configuration is not the registered one: it takes an update of the
 * consortium's first, and the ledger says so one transaction later (docs/protocol/02-registration.md §2.7).
 */
const CONFIGURATION_PAUSES_MS = [50, 100, 200, 400, 800, 1_600, 3_200]

export class SecureSession {
  readonly #options: SecureSessionOptions
  #open: Promise<OpenSession> | undefined

  constructor(options: SecureSessionOptions) {
    this.#options = options
  }

  /** What the server proved in the newest handshake; opens a session if there is none. */
  async evidence(): Promise<EvidenceResult> {
    return (await this.#session()).evidence
  }

  /** Bytes of the largest request that it takes, sealed; opens a session if there is none. */
  async maxRecordBytes(): Promise<number> {
    return (await this.#session()).session.maxRecordBytes
  }

  /**
   * Asks the trusted application. A session that has ended is replaced once; nothing else is repeated here.
   *
   * @returns the members of the answer beside `ok`.
   * @throws {ClientError} the code that the trusted application answered, or of the way to it.
   */
  async request(cmd: string, body: RequestBody = {}): Promise<Readonly<Record<string, CborValue>>> {
    try {
      return await this.#requestOnce(cmd, body)
    } catch (error) {
      if (!NEW_HANDSHAKE.has(codeOf(error) ?? '')) throw error
      this.#open = undefined
      return await this.#requestOnce(cmd, body)
    }
  }

  close(): void {
    this.#open = undefined
    this.#options.transport.close()
  }

  async #requestOnce(cmd: string, body: RequestBody): Promise<Readonly<Record<string, CborValue>>> {
    const { session } = await this.#session()
    const { seq, frame } = session.sealRequest({ ...body, cmd }, this.#options.clock.monotonicMs())
    let answer: CborValue
    try {
      answer = session.openAnswer(seq, await this.#options.transport.record(frame))
    } catch (error) {
      session.forget(seq)
      throw error
    }
    return checkAnswer(answer)
  }

  async #session(): Promise<OpenSession> {
    const current = this.#open
    if (current !== undefined) {
      const open = await current
      if (!open.session.isExpired(this.#options.clock.monotonicMs())) return open
      if (this.#open === current) this.#open = undefined
    }
    this.#open ??= this.#followedHandshake().catch((error: unknown) => {
      this.#open = undefined
      throw error
    })
    return await this.#open
  }

  async #followedHandshake(): Promise<OpenSession> {
    for (const pauseMs of CONFIGURATION_PAUSES_MS) {
      try {
        return await this.#handshake(KEY_CHANGE_TRIES)
      } catch (error) {
        if (codeOf(error) !== 'ATTESTATION_CONFIG') throw error
        await sleep(pauseMs)
      }
    }
    return await this.#handshake(KEY_CHANGE_TRIES)
  }

  async #handshake(triesLeft: number): Promise<OpenSession> {
    const { crypto, clock, transport, identity, policy } = this.#options
    const pending = startHandshake(crypto)
    const [server, reply] = await Promise.all([this.#options.findServer(), transport.hello(pending.hello)])
    let checked: CheckedServer
    try {
      const client = { ref: identity.ref, credential: identity.credential }
      checked = pending.checkServer(reply, { server, policy }, client)
    } catch (error) {
      // Registration and reply come side by side: one may be of before an exchange and the other of after it.
      const isFirst = triesLeft === KEY_CHANGE_TRIES
      const mayBeOfOtherKey = codeOf(error) === 'SESSION_SERVER_SIGNATURE' && (isFirst || server.isKeyChanging === true)
      if (!mayBeOfOtherKey || triesLeft <= 0) throw error
      if (server.isKeyChanging === true) await sleep(KEY_CHANGE_PAUSE_MS)
      return await this.#handshake(triesLeft - 1)
    }
    const unconfirmed = checked.finishWith(await identity.signer.sign(checked.toBeSigned))
    const finished = await transport.finish(unconfirmed.finish).catch((error: unknown) => {
      throw this.#isEnded(error) ? new ClientError('CREDENTIAL_EXPIRED', { cause: error }) : error
    })
    const session = unconfirmed.confirm(finished, clock.monotonicMs())
    return { session, evidence: unconfirmed.evidence }
  }

  /** The server does not say why it takes a credential for none; who has one that ended knows. */
  #isEnded(error: unknown): boolean {
    const { clock, identity } = this.#options
    return codeOf(error) === 'CREDENTIAL_REJECTED' && identityEndsMs(identity) <= clock.nowMs()
  }
}

interface OpenSession {
  readonly session: ClientSession
  readonly evidence: EvidenceResult
}

function checkAnswer(answer: CborValue): Readonly<Record<string, CborValue>> {
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer) || answer instanceof Uint8Array) {
    throw new ClientError('MESSAGE_MALFORMED')
  }
  const { ok, ...members } = answer as Readonly<Record<string, CborValue>>
  if (ok === true) return members
  const code = members['code']
  const link = members['link']
  if (!isErrorCode(code)) throw new ClientError('MESSAGE_MALFORMED')
  const log = code === 'RECORD_ERASED' ? members['log'] : undefined
  throw new ClientError(code, {
    ...(typeof link === 'number' ? { link } : {}),
    ...(code === 'RETENTION_APPLIES' ? { retention: retentionShape(members['retention'], 'retention') } : {}),
    ...(log === undefined ? {} : { marker: logPlaceShape(log, 'marker') }),
  })
}

const retentionShape = struct({ organization: mspIdShape, hospital: hospitalRefShape, untilMs: uint() })

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

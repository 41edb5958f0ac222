/**
 * What every area of the worker builds on: the crypto, the keys of this browser, and one client for who acts in this tab.
 *
 * @module
 */
import { createPortableCrypto } from '../../../../shared/crypto/src/portable-crypto.ts'
import { parseJson } from '../../../../shared/protocol/src/index.ts'
import { ClientError } from '../../../sdk/src/errors.ts'
import { HospitalApi } from '../../../sdk/src/hospital-api.ts'
import type { Fetch } from '../../../sdk/src/hospital-calls.ts'
import { HttpTransport, type BinaryFetch } from '../../../sdk/src/http-transport.ts'
import type { Identity, ParticipantKind } from '../../../sdk/src/identity.ts'
import { relayedBy, VerifyingLedgerReader } from '../../../sdk/src/ledger-reader.ts'
import type { Participant, ParticipantOptions } from '../../../sdk/src/participant.ts'
import type { Clock, LedgerReader } from '../../../sdk/src/ports.ts'
import { attestationPolicyOf, consortiumConfigOf, factsShape, isSameConsortium, type Facts } from './facts.ts'
import { KeyStore, type KeptIdentity } from './key-store.ts'

/** A part that hangs is a part that does not answer. */
const REQUEST_MS = 30_000
/** On the page's own origin: the hospital passes the sealed messages on, so no other address is ever contacted. */
const RECORD_SERVER_PATH = '/record-server'
const FACTS_PATH = '/portal/facts.json'

/** The class of each kind, loaded when somebody of that kind acts. An auditor has no records to open. */
const CLIENTS: Readonly<Record<ParticipantKind, () => Promise<new (options: ParticipantOptions) => Participant>>> = {
  patient: async () => (await import('../../../sdk/src/patient.ts')).PatientClient,
  practitioner: async () => (await import('../../../sdk/src/doctor.ts')).DoctorClient,
  organization: async () => (await import('../../../sdk/src/hospital.ts')).HospitalClient,
  auditor: async () => (await import('../../../sdk/src/participant.ts')).Participant,
}

/** Who acts in this tab, ready for a client of the SDK. */
export interface Acting {
  readonly kept: KeptIdentity
  readonly identity: Identity
  readonly options: ParticipantOptions
}

export class WorkerContext {
  readonly crypto = createPortableCrypto((length) => crypto.getRandomValues(new Uint8Array(length)))
  readonly clock: Clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() }
  readonly keys = new KeyStore(this.crypto)
  #client: Promise<Participant> | undefined
  #acting: Promise<Acting> | undefined
  #facts: Promise<Facts> | undefined

  /** The hospital that serves this page. */
  hospital(): HospitalApi {
    const { crypto: port, clock } = this
    return new HospitalApi({ crypto: port, clock, fetch: fetchText, url: location.origin })
  }

  /** As the hospital serves them now. */
  facts(): Promise<Facts> {
    this.#facts ??= fetchFacts().catch((error: unknown) => {
      this.#facts = undefined
      throw error
    })
    return this.#facts
  }

  /** From now on this identity acts; an open session of another one is closed. */
  async actAs(id: string | undefined): Promise<void> {
    this.reconnect()
    // Set at once: who asks meanwhile waits for the new one.
    this.#acting = id === undefined ? undefined : this.#findAndPrepare(id)
    await this.#acting
  }

  /** @throws {ClientError} `CLIENT_NO_IDENTITY` while nobody acts. */
  async acting(): Promise<Acting> {
    if (this.#acting === undefined) throw new ClientError('CLIENT_NO_IDENTITY')
    return await this.#acting
  }

  /** The client of who acts in this tab, of the class of its kind: one, with one session. */
  async participant(): Promise<Participant> {
    const { kept, options } = await this.acting()
    this.#client ??= CLIENTS[kept.kind]().then(
      (type) => new type(options),
      (error: unknown) => {
        this.#client = undefined
        throw error
      },
    )
    return await this.#client
  }

  /** The same, for an area that works for one kind: `context.client(PatientClient)`. */
  async client<C extends Participant>(type: new (options: ParticipantOptions) => C): Promise<C> {
    const client = await this.participant()
    if (!(client instanceof type)) throw new ClientError('TEE_FORBIDDEN')
    return client
  }

  /** Closes the sessions; the next request opens a new one, with new evidence. */
  reconnect(): void {
    this.#client?.then(
      (client) => client.close(),
      () => undefined,
    )
    this.#client = undefined
  }

  /** The ledger by way of this hospital, proven by this browser against the consortium that the identity knows. */
  ledgerOf(facts: Facts, identity: Identity): LedgerReader {
    const signer = { ref: identity.ref, signer: identity.signer }
    const fetchAnswers = relayedBy(this.hospital(), signer)
    return new VerifyingLedgerReader(this.crypto, consortiumConfigOf(facts), fetchAnswers, facts.hospital.name)
  }

  /** What a client of the SDK is made of, for an identity of a consortium. */
  optionsFor(facts: Facts, identity: Identity): ParticipantOptions {
    const { crypto: port, clock } = this
    return {
      crypto: port,
      clock,
      identity,
      hospital: this.hospital(),
      ledger: this.ledgerOf(facts, identity),
      serverRef: facts.serverRef,
      transport: new HttpTransport(location.origin + RECORD_SERVER_PATH, fetchBytes),
      policy: attestationPolicyOf(facts),
    }
  }

  async #findAndPrepare(id: string): Promise<Acting> {
    const kept = await this.keys.find(id)
    if (kept === undefined) throw new ClientError('CLIENT_NO_IDENTITY')
    return await this.#prepare(kept)
  }

  async #prepare(kept: KeptIdentity): Promise<Acting> {
    const now = await this.facts().catch(() => undefined)
    // Another consortium behind the same address is not the one in which this identity's records are.
    if (now !== undefined && !isSameConsortium(now, kept.facts)) throw new ClientError('ATTESTATION_IDENTITY')
    const identity = await this.keys.unlock(kept)
    const options = this.optionsFor(kept.facts, identity)
    return { kept, identity, options }
  }
}

const within = () => AbortSignal.timeout(REQUEST_MS)
const fetchText: Fetch = (url, init) => fetch(url, { ...init, cache: 'no-store', signal: within() })
const fetchBytes: BinaryFetch = (url, init) => fetch(url, { ...init, cache: 'no-store', signal: within() })

async function fetchFacts(): Promise<Facts> {
  let answer: string
  try {
    const response = await fetch(FACTS_PATH, { cache: 'no-store', signal: within() })
    if (!response.ok) throw new TypeError(`status ${response.status}`)
    answer = await response.text()
  } catch (cause) {
    throw new ClientError('SERVER_UNAVAILABLE', { cause })
  }
  return factsShape(parseJson(answer, { maxBytes: 1_048_576 }), 'facts')
}

/**
 * The load generator: a process of its own, forked by a measurement. Everybody is a client of the SDK with an attested
 * session of one's own; sessions share a few WebSockets, as behind a gateway, and requests to the hospital share kept
 * connections.
 *
 * @module
 */
import {
  CommitmentStream,
  DoctorClient,
  HospitalClient,
  HttpTransport,
  type NewRecord,
  parseIdentityFile,
  PatientClient,
  readLedger,
  StreamTransport,
  type Transport,
} from '../../clients/sdk/src/index.ts'
import { createNodeCrypto } from '../../shared/crypto/src/node-crypto.ts'
import { commitmentRecordShape } from '../../shared/ledger-model/src/index.ts'
import type { PatientRef, RecordId } from '../../shared/protocol/src/index.ts'
import { runTimes, runWindow } from '../harness/windows.ts'
import { keepConnections } from './fetch.ts'
import { openSocket } from './socket.ts'
import { clock, participantOptions, type Population, type Surroundings } from './people.ts'
import { ehrText } from './texts.ts'

/** What a window does, by `clients` clients for `windowMs`. */
export interface LoadRequest {
  readonly work: 'store' | 'store-many' | 'import' | 'read' | 'verify' | 'query' | 'correct' | 'mixed' | 'ping'
  readonly clients: number
  readonly windowMs: number
  /** Exactly this many requests, instead of a window. */
  readonly requests?: number
  /** Records of one request, for `store-many` and `import`. */
  readonly records?: number
}

export interface LoadResult {
  /** Requests per second, times the records of each. */
  readonly perSecond: number
  /** Milliseconds of each request. */
  readonly latenciesMs: readonly number[]
  /** The same, of `mixed`, by what the request did. */
  readonly latenciesMsByWork: Readonly<Record<string, readonly number[]>>
  /** Requests that failed, by what they did, their code, and where it came from. */
  readonly failures: Readonly<Record<string, number>>
}

/** Places that reads choose from: a fair sample of everything that was stored. */
const MOST_PLACES = 50_000

export interface LoadSetup {
  readonly surroundings: Surroundings
  readonly staff: string
  readonly population: Population
  /** WebSockets to the record server. */
  readonly streams: number
  /** Connections to the hospital service. */
  readonly connections: number
}

interface StoredPlace {
  /** Number of the patient. */
  readonly patient: number
  readonly record: RecordId
  readonly place: readonly [string, number]
}

const crypto = createNodeCrypto()

class Load {
  readonly #doctors: readonly {
    readonly client: DoctorClient
    readonly patient: PatientRef
    readonly warrant: string
  }[]
  readonly #patients: readonly PatientClient[]
  readonly #hospital: HospitalClient
  readonly #population: Population
  /** A fair sample of the records that were stored. */
  readonly #stored: StoredPlace[] = []
  #storedCount = 0
  /** What each doctor stored last, for corrections. */
  readonly #last = new Map<number, NonNullable<NewRecord['corrects']>>()
  #texts = 0

  constructor({ surroundings, staff, population, streams, connections }: LoadSetup) {
    const kept = keepConnections(connections)
    const handshakes = new HttpTransport(surroundings.serverUrl, kept.fetchBytes)
    const transports = Array.from(
      { length: streams },
      (): Transport => new StreamTransport(surroundings.serverUrl, handshakes, openSocket),
    )
    const transportOf = (i: number): Transport => {
      const transport = transports[i % streams]
      if (transport === undefined) throw new RangeError('there are no streams')
      return transport
    }
    const service = parseIdentityFile(crypto, staff).identity
    // As a ward's gateway: the hospital's service opens the streams, doctors sign their groups.
    const gateways = transports.map(
      () =>
        new CommitmentStream({
          crypto,
          clock,
          url: surroundings.hospitalUrl,
          as: { ref: service.ref, signer: service.signer },
          openSocket,
        }),
    )
    const gatewayOf = (i: number): CommitmentStream => {
      const gateway = gateways[i % streams]
      if (gateway === undefined) throw new RangeError('there are no streams')
      return gateway
    }
    const optionsOf = (identity: string, i: number) => ({
      ...participantOptions(crypto, surroundings, parseIdentityFile(crypto, identity).identity, transportOf(i), kept),
      commitments: gatewayOf(i),
    })
    this.#population = population
    this.#doctors = population.doctors.map(({ identity, patient, warrant }, i) => ({
      client: new DoctorClient(optionsOf(identity, i)),
      patient,
      warrant,
    }))
    this.#patients = population.patients.map((identity, i) => new PatientClient(optionsOf(identity, i)))
    this.#hospital = new HospitalClient(optionsOf(staff, 0))
  }

  async run({ work, clients, windowMs, requests, records = 1 }: LoadRequest): Promise<LoadResult> {
    const failures: Record<string, number> = {}
    const latenciesMsByWork: Record<string, number[]> = {}
    // Each client has one request under way.
    const free = Array.from({ length: clients }, (_, i) => i)
    const ask = async (): Promise<void> => {
      const client = free.shift() ?? 0
      const part = work === 'mixed' ? this.#partOfMixed() : work
      const startMs = performance.now()
      try {
        await this.#works[part](client, records)
        if (part !== work) (latenciesMsByWork[part] ??= []).push(performance.now() - startMs)
      } catch (error) {
        const name = `${part}: ${nameOf(error)}`
        failures[name] = (failures[name] ?? 0) + 1
      } finally {
        free.push(client)
      }
    }
    const window = requests === undefined ? runWindow(windowMs, clients, ask) : runTimes(requests, clients, ask)
    const { latenciesMs, perSecond } = await window
    const failed = Object.values(failures).reduce((sum, one) => sum + one, 0)
    const share = latenciesMs.length === 0 ? 0 : 1 - failed / latenciesMs.length
    return { perSecond: perSecond * records * share, latenciesMs, latenciesMsByWork, failures }
  }

  readonly #works: Readonly<
    Record<Exclude<LoadRequest['work'], 'mixed'>, (i: number, records: number) => Promise<unknown>>
  > = {
    store: (i) => this.#store(i),
    'store-many': (i, records) => this.#storeMany(i, records),
    import: (i, records) => this.#import(i, records),
    read: () => this.#read(false),
    verify: () => this.#read(true),
    query: (i) => this.#query(i),
    correct: (i) => this.#correct(i),
    ping: (i) => this.#doctorOf(i).client.session.request('ping'),
  }

  /** Of ten requests four create, four query the ledger, two correct; before anything is there, all create. */
  #partOfMixed(): 'store' | 'query' | 'correct' {
    const draw = Math.random()
    if (draw < 0.4 || this.#stored.length === 0) return 'store'
    return draw < 0.8 ? 'query' : 'correct'
  }

  #doctorOf(i: number) {
    const doctor = this.#doctors[i % this.#doctors.length]
    if (doctor === undefined) throw new RangeError('there are no doctors')
    return doctor
  }

  async #store(i: number): Promise<void> {
    const { client, patient, warrant } = this.#doctorOf(i)
    const ehr = ehrText(this.#texts++)
    const { recordId, place } = await client.store({ patient, warrant, ehr })
    const number = this.#population.imports.findIndex((one) => one.patient === patient)
    this.#remember({ patient: number, record: recordId, place: [place.batchId, place.index] })
  }

  /** Each record has the same chance to be kept, however many come (reservoir sampling). */
  #remember(stored: StoredPlace): void {
    const at = this.#storedCount++
    if (at < MOST_PLACES) this.#stored.push(stored)
    else {
      const instead = Math.floor(Math.random() * this.#storedCount)
      if (instead < MOST_PLACES) this.#stored[instead] = stored
    }
  }

  #anyStored(): StoredPlace {
    const one = this.#stored[Math.floor(Math.random() * this.#stored.length)]
    if (one === undefined) throw new RangeError('nothing was stored before')
    return one
  }

  /** A new version of what this doctor stored last; the first time something to correct. */
  async #correct(i: number): Promise<void> {
    const { client, patient, warrant } = this.#doctorOf(i)
    const corrects = this.#last.get(i)
    const record = { patient, warrant, ehr: ehrText(this.#texts++) }
    const prepared = await client.prepare(corrects === undefined ? record : { ...record, corrects })
    const { recordId, version } = await client.send(prepared)
    this.#last.set(i, { record: recordId, version, ehrHash: prepared.commitment.ehrHash })
  }

  async #storeMany(i: number, records: number): Promise<void> {
    const { client, patient, warrant } = this.#doctorOf(i)
    const batch = Array.from({ length: records }, () => ({
      patient,
      warrant,
      ehr: ehrText(this.#texts++),
    }))
    refuse(await client.storeMany(batch))
  }

  async #import(i: number, records: number): Promise<void> {
    const { imports } = this.#population
    const batch = Array.from({ length: records }, (_, k) => {
      const one = imports[(i + k) % imports.length]
      if (one === undefined) throw new RangeError('there are no patients')
      return { patient: one.patient, warrant: one.warrant, ehr: ehrText(this.#texts++) }
    })
    const outcomes = await this.#hospital.storeMany(batch)
    refuse(outcomes)
    for (const [k, outcome] of outcomes.entries()) {
      if (!('place' in outcome)) continue
      const { recordId, place } = outcome
      this.#remember({ patient: (i + k) % imports.length, record: recordId, place: [place.batchId, place.index] })
    }
  }

  async #read(verify: boolean): Promise<void> {
    const one = this.#anyStored()
    const patient = this.#patients[one.patient]
    if (patient === undefined) throw new RangeError('there are no patients')
    const read = await patient.read(one.record)
    if (!verify) return
    const { checks } = await patient.verify(read)
    const failed = checks.find(({ result }) => result === 'fail')
    if (failed !== undefined) throw new Error(`check ${failed.id} failed`)
  }

  async #query(i: number): Promise<void> {
    const one = this.#anyStored()
    const { ledger } = this.#doctorOf(i).client.options
    const [batchId, index] = one.place
    await readLedger(ledger, 'commitment', [batchId, String(index)], commitmentRecordShape)
  }
}

function refuse(outcomes: readonly object[]): void {
  for (const outcome of outcomes) if ('code' in outcome) throw new Error(String(outcome.code))
}

/** The code, or the message of what has none, and the place in the source that threw it first. */
function nameOf(error: unknown): string {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown }
  let first = error
  while (first instanceof Error && first.cause instanceof Error) first = first.cause
  const stack = first instanceof Error ? (first.stack ?? '') : ''
  const [, place] = /\/((?:clients|shared|bench)\/[^\s)]+)/.exec(stack) ?? []
  return `${typeof code === 'string' ? code : String(message)}${place === undefined ? '' : ` at ${place}`}`
}

let load: Load | undefined
process.on('message', (message: { readonly setup: LoadSetup } | { readonly run: LoadRequest } | 'end') => {
  if (message === 'end') process.exit(0)
  void answer(message).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: error instanceof Error ? error.stack : String(error) }),
  )
})

async function answer(message: { readonly setup: LoadSetup } | { readonly run: LoadRequest }) {
  if ('setup' in message) {
    load = new Load(message.setup)
    return true
  }
  if (load === undefined) throw new Error('not set up')
  return await load.run(message.run)
}

/**
 * A second TEE server beside the world's, which follows it: its own device and disk, the same ledger, a host between the
 * two that is honest unless a test tells it otherwise.
 *
 * @module
 */
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join as pathOf } from 'node:path'
import { createSqlCipherPort } from '../../secure/adapters/sqlcipher/src/index.ts'
import { createTrustedApplication, type DatabasePort, type TrustedApplication } from '../../secure/core/src/index.ts'
import { encodeBase64url, encodeHex } from '../../shared/crypto/src/index.ts'
import { REPLICA_VERSION, type ParticipantRegistration } from '../../shared/ledger-model/src/index.ts'
import { ProtocolError, type ErrorCode } from '../../shared/protocol/src/index.ts'
import {
  decodeOutcome,
  decodeTaMessage,
  encodeRequest,
  FrameReader,
  type AbiAnswer,
  type AbiOpName,
  type AbiRequest,
  type EffectOf,
} from '../../shared/tee-abi/src/index.ts'
import { createInsecureDeviceKey, createInsecureEvidence } from './memory-ports.ts'
import { MEASUREMENT, plainRows, type TaWorld } from './ta-world.ts'

/** The files of a store, as a host copies them. */
export function copyStore(from: string, to: string): void {
  for (const name of ['store.db', 'store.db-wal']) {
    rmSync(pathOf(to, name), { force: true })
    if (existsSync(pathOf(from, name))) copyFileSync(pathOf(from, name), pathOf(to, name))
  }
}

export interface ReplicaOptions {
  readonly measurement?: Uint8Array
  /** Another platform's, made of the one that there is. */
  readonly database?: (port: DatabasePort) => DatabasePort
}

export class ReplicaWorld {
  readonly world: TaWorld
  readonly folder = mkdtempSync(pathOf(tmpdir(), 'trusthealth-replica-'))
  app: TrustedApplication
  fatal: ErrorCode | undefined
  key = new Uint8Array(65)
  instance = new Uint8Array(32)
  /** The next request of the replica to the server. */
  request: Uint8Array | undefined
  readonly attestation
  readonly #device: Uint8Array
  readonly #measurement: Uint8Array
  readonly #database: (port: DatabasePort) => DatabasePort
  readonly #databases: (() => void)[] = []
  #reader = new FrameReader()
  #nextId = 1
  readonly #waiting = new Map<number, (message: Uint8Array) => void>()

  constructor(world: TaWorld, { measurement = MEASUREMENT, database = (port) => port }: ReplicaOptions = {}) {
    this.world = world
    this.#measurement = measurement
    this.#database = database
    this.#device = world.crypto.randomBytes(32)
    this.attestation = world.crypto.generateSigningKey()
    this.app = this.#create()
  }

  /** A replica that is prepared, registered, approved and added; not joined. */
  static async prepared(world: TaWorld, options: ReplicaOptions = {}): Promise<ReplicaWorld> {
    const replica = new ReplicaWorld(world, options)
    await replica.prepare()
    await replica.register()
    await replica.approve(2)
    await replica.add()
    return replica
  }

  /** One that follows, with a copy of the store. */
  static async following(world: TaWorld): Promise<ReplicaWorld> {
    const replica = await ReplicaWorld.prepared(world)
    await replica.join()
    await replica.copy()
    await replica.catchUp()
    return replica
  }

  async prepare(): Promise<void> {
    const { config } = await this.world.ask('configuration', {})
    const { key, instance } = await this.ask('follow-prepare', { config })
    this.key = new Uint8Array(key)
    this.instance = new Uint8Array(instance)
  }

  /** The server's registration lists this device, too. */
  async register(keys = [this.world.attestationKey, this.attestation.publicKey]): Promise<void> {
    const { world } = this
    const { admin } = world.organizations[0]
    const registered = world.registered as ParticipantRegistration
    const attestationKeys = keys.map((one) => encodeBase64url(one))
    await world.ledger.submit(admin, 'renewParticipant', [
      JSON.stringify({ ...registered, server: { ...registered.server, attestationKeys } }),
    ])
  }

  async approve(count: number, version = REPLICA_VERSION): Promise<void> {
    for (const { admin } of this.world.organizations.slice(0, count)) {
      await this.world.ledger.submit(admin, 'approveProgram', [encodeHex(this.instance), String(version)])
    }
  }

  async add(): Promise<void> {
    await this.world.ask('replica-mode', { mode: 'asynchronous', key: this.key })
  }

  /** Both sides prove themselves; the key of the store is handed over. */
  async join(): Promise<void> {
    const { world } = this
    const { hello } = await this.ask('follow-hello', {})
    const { reply } = await world.ask('replica-hello', { hello })
    const { finish } = await this.ask('follow-reply', { reply })
    const { record } = await world.ask('replica-finish', { finish })
    const join = await this.ask('follow-record', { record })
    const joined = await world.ask('replica-record', { record: join.record ?? new Uint8Array(0) })
    this.request = (await this.ask('follow-record', joined)).record
  }

  /** The files of the server's store, while it runs, as a host reads them. */
  takeFiles(folder: string): void {
    copyStore(this.world.folder, folder)
  }

  async copy(): Promise<void> {
    await this.ask('follow-close', {})
    this.takeFiles(this.folder)
    await this.ask('follow-open', {})
    await this.join()
  }

  /** One question and its answer. @param onWay may change what the server answers. */
  async step(onWay: (record: Uint8Array) => Uint8Array = (record) => record): Promise<void> {
    const record = this.request
    if (record === undefined) throw new TypeError('nothing to ask')
    const answer = this.world.ask('replica-record', { record })
    answer.catch(() => undefined)
    // With nothing to tell, the server waits a while.
    this.world.clock.advanceMs(6_000)
    await this.world.settle()
    this.request = (await this.ask('follow-record', { record: onWay((await answer).record) })).record
  }

  /** Until the replica has all that the server had when it was called. */
  async catchUp(): Promise<void> {
    const { replication } = await this.world.ask('status', {})
    const until = replication?.position ?? 0
    while ((await this.position()) < until) await this.step()
  }

  async position(): Promise<number> {
    return (await this.ask('status', {})).following?.position ?? 0
  }

  /** @throws {ProtocolError} the refusal, or with what it stopped. */
  async ask<O extends AbiOpName>(op: O, body: AbiRequest<O>): Promise<AbiAnswer<O>> {
    const id = this.#nextId++
    const answered = new Promise<Uint8Array>((resolve) => this.#waiting.set(id, resolve))
    this.app.handle(encodeRequest<O>({ id, op, ...body }))
    await this.#flush()
    if (this.fatal !== undefined) throw new ProtocolError(this.fatal, 'stopped')
    const message = decodeTaMessage(await answered)
    if (message.kind !== 'answer') throw new TypeError('an effect')
    const outcome = decodeOutcome(op, message.body)
    if (!outcome.ok) throw new ProtocolError(outcome.code, 'refused')
    return outcome.answer
  }

  async #flush(): Promise<void> {
    for (let again = true; again;) {
      again = false
      for (const frame of this.app.commit()) {
        for (const message of this.#reader.push(frame)) {
          const received = decodeTaMessage(message)
          if (received.kind === 'answer') {
            this.#waiting.get(received.id)?.(message)
            this.#waiting.delete(received.id)
          } else if (received.effect.fx === 'fatal') {
            this.fatal = received.effect.code
          } else if (received.effect.fx === 'need') {
            await this.#endorse(received.effect)
            again = true
          }
        }
      }
    }
  }

  async #endorse({ need, queries, nonce }: EffectOf<'need'>): Promise<void> {
    const answers = plainRows(await this.world.ledger.endorsedRead(queries, nonce))
    this.app.handle(encodeRequest<'endorsement'>({ id: this.#nextId++, op: 'endorsement', need, ...answers }))
  }

  /** As after kill -9. */
  restart(): void {
    this.#databases.splice(0).forEach((close) => close())
    this.#reader = new FrameReader()
    this.fatal = undefined
    this.request = undefined
    this.app = this.#create()
  }

  close(): void {
    this.#databases.splice(0).forEach((close) => close())
    rmSync(this.folder, { recursive: true, force: true })
  }

  #create(): TrustedApplication {
    const { crypto, clock } = this.world
    const port = this.#database(createSqlCipherPort({ folder: this.folder }))
    const tracked: DatabasePort = {
      ...port,
      open: (name, key) => {
        const database = port.open(name, key)
        let isOpen = true
        const close = (): void => {
          if (isOpen) database.close()
          isOpen = false
        }
        this.#databases.push(close)
        return { ...database, close }
      },
    }
    const evidence = createInsecureEvidence(crypto, this.attestation, this.#measurement)
    const deviceKey = createInsecureDeviceKey(crypto, this.#device)
    return createTrustedApplication(
      { crypto, clock, database: tracked, deviceKey, evidence },
      { measurement: this.#measurement, securityVersion: 1, isolation: [], taId: 'trusthealth-ta' },
    )
  }
}

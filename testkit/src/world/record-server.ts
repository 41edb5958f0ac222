/**
 * The record server of a test world: the trusted application, in this process or in one of its own, its driver behind a
 * host that can be told to lie, the supplicant, the HTTP server. Stopped and started again on the same files and port.
 *
 * @module
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { startFollowing, type Following, type FollowingStatus } from '../../../host/replica/src/index.ts'
import { startRestoring, type Restoring } from '../../../host/server/src/restoring.ts'
import { startHostServer, type HostServer, type HostServerOptions } from '../../../host/server/src/index.ts'
import { witnessKeysOf } from '../../../host/server/src/witness-keys.ts'
import { startSupplicant, type Supplicant } from '../../../host/supplicant/src/supplicant.ts'
import type { Ledger, LedgerIdentity } from '../../../ledger/client/src/port.ts'
import type { ClockPort, DatabasePort } from '../../../secure/core/src/index.ts'
import type { Limits } from '../../../secure/core/src/limits.ts'
import type { Crypto } from '../../../shared/crypto/src/index.ts'
import type { ErrorCode } from '../../../shared/protocol/src/index.ts'
import type { EffectOf } from '../../../shared/tee-abi/src/index.ts'
import type { TeeDriver } from '../../../tee/src/driver.ts'
import { hostileDriver, hostileLedger, type HostHooks } from './host.ts'
import { InProcessTee } from './in-process-tee.ts'
import type { Traffic } from './traffic.ts'

export interface RecordServerOptions {
  readonly crypto: Crypto
  readonly clock: ClockPort
  readonly folder: string
  /** Of now: it may have been started again. */
  readonly ledger: () => Ledger
  /** Whose proposals carry the server's checkpoints. */
  readonly identity: () => LedgerIdentity
  readonly hooks: HostHooks
  readonly traffic: Traffic
  /** Starts the driver; default: the trusted application in this process. */
  readonly startTee?: (storeFolder: string, traffic: Traffic) => Promise<TeeDriver>
  readonly database?: (port: DatabasePort) => DatabasePort
  /** Of the trusted application in this process. */
  readonly limits?: Limits
  /** Another server may follow this one; this one follows the server at `follow`. */
  readonly replica?: { readonly token: string; readonly follow?: () => string }
  /** This one restores the store of the server with that configuration, from the newest backup in the folder. */
  readonly restore?: { readonly configuration: Uint8Array; readonly backups: string }
}

interface Running {
  readonly tee: TeeDriver
  readonly supplicant: Supplicant
  readonly http: HostServer
  readonly following: Following | undefined
  readonly restoring: Restoring | undefined
}

export class RecordServer {
  readonly storeFolder: string
  readonly notices: EffectOf<'notice'>[] = []
  /** Codes of what the host noted, newest last. */
  readonly troubles: string[] = []
  readonly #options: RecordServerOptions
  #port = 0
  #running: Running | undefined
  #url = ''

  constructor(options: RecordServerOptions) {
    this.#options = options
    this.storeFolder = join(options.folder, 'store')
  }

  /** Where the database and the device key lie: what the host's operator can read and change. */
  get dataFolder(): string {
    return join(this.storeFolder, 'data')
  }

  get url(): string {
    return this.#url
  }

  /** The driver itself, without the lying host. @throws {TypeError} while the server is stopped. */
  get tee(): TeeDriver {
    if (this.#running === undefined) throw new TypeError('the record server is stopped')
    return this.#running.tee
  }

  get isRunning(): boolean {
    return this.#running !== undefined
  }

  async start(): Promise<void> {
    const { ledger, identity, hooks, folder, traffic } = this.#options
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const tee = await this.#startTee()
    const driver = hostileDriver(tee, hooks)
    const supplicant = startSupplicant({
      tee: driver,
      ledger: hostileLedger(ledger(), hooks),
      identity: identity(),
      indexPath: join(folder, 'index.db'),
      onNotice: (notice) => this.notices.push(notice),
      onTrouble: (where, code) => this.troubles.push(`${where} ${code}`),
    })
    const { crypto, clock } = this.#options
    const monotonicMs = () => clock.monotonicMs()
    const following = this.#follow(tee)
    const restoring = this.#restore(tee)
    const http = await startHostServer({
      tee: driver,
      ...this.#replicaApi(following),
      ...(restoring === undefined ? {} : { restoring }),
      witnesses: { crypto, monotonicMs, findWitness: witnessKeysOf(crypto, ledger(), monotonicMs) },
      supplicant: () => supplicant.status,
      port: this.#port,
      limits: { stopMs: 300 },
      logger: pino({ level: 'debug' }, { write: (line: string) => traffic.log(line) }),
    })
    this.#url = http.url
    this.#port = Number(new URL(http.url).port)
    this.#running = { tee, supplicant, http, following, restoring }
  }

  /** Answers what is under way, then ends. */
  async stop(): Promise<void> {
    const running = this.#take()
    if (running === undefined) return
    await running.following?.close()
    await running.restoring?.close()
    await running.http.close()
    await running.supplicant.close()
    await running.tee.close()
  }

  /** Ends the trusted application without a word. Only in this process; a process of its own is killed by its id. */
  async kill(): Promise<void> {
    const running = this.#take()
    if (running === undefined) return
    if (running.tee instanceof InProcessTee) running.tee.kill()
    await running.supplicant.close()
    await running.http.close()
    await running.tee.close()
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  /**
   * Waits until the trusted application serves.
   * @throws {RecordServerFailed} with its code when it stopped instead.
   */
  async serving(): Promise<void> {
    const { tee } = this
    for (;;) {
      if (tee.failure !== undefined) throw new RecordServerFailed(tee.failure)
      if (tee.state === 'closed') throw new RecordServerFailed('SERVER_STOPPING')
      try {
        if (tee.state === 'running' && (await tee.request('status', {})).state === 'serving') return
      } catch (error) {
        if (tee.failure === undefined && (error as { code?: unknown }).code !== 'TEE_RESTARTED') throw error
      }
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  /** How following goes. */
  get following(): FollowingStatus | undefined {
    return this.#running?.following?.status
  }

  #follow(tee: TeeDriver): Following | undefined {
    const { replica } = this.#options
    if (replica?.follow === undefined) return undefined
    return startFollowing({ tee, url: replica.follow(), token: replica.token, dataFolder: this.dataFolder })
  }

  #restore(tee: TeeDriver): Restoring | undefined {
    const { restore, clock } = this.#options
    if (restore === undefined) return undefined
    const { dataFolder } = this
    const onTrouble = (code: string) => void this.troubles.push(`restore ${code}`)
    return startRestoring({ tee, ...restore, dataFolder, nowMs: () => clock.nowMs(), onTrouble })
  }

  #replicaApi(following: Following | undefined): Pick<HostServerOptions, 'operatorToken' | 'replica'> {
    const { replica, folder } = this.#options
    if (replica === undefined) return {}
    return {
      operatorToken: replica.token,
      replica: {
        token: replica.token,
        dataFolder: this.dataFolder,
        scratchFolder: join(folder, 'copies'),
        following: () => following?.status,
      },
    }
  }

  #take(): Running | undefined {
    const running = this.#running
    this.#running = undefined
    return running
  }

  async #startTee(): Promise<TeeDriver> {
    const { crypto, clock, traffic, startTee, database, limits } = this.#options
    if (startTee !== undefined) return await startTee(this.storeFolder, traffic)
    return new InProcessTee({
      crypto,
      clock,
      storeFolder: this.storeFolder,
      onFrame: (frame) => traffic.carry('tee', frame),
      ...(database === undefined ? {} : { database }),
      ...(limits === undefined ? {} : { limits }),
    })
  }
}

/** The trusted application refuses to go on. */
export class RecordServerFailed extends Error {
  override readonly name = 'RecordServerFailed'
  readonly code: ErrorCode
  constructor(code: ErrorCode) {
    super('the trusted application stopped')
    this.code = code
  }
}

/**
 * The trusted application: takes messages of the host, gives back messages when they are durable. Synchronous, and
 * deterministic given its ports. Spec: docs/protocol/10-tee-abi.md.
 *
 *   handle(message) any number of times, then commit() once: one transaction for all, then answers and effects
 *
 * Whatever shows that the store cannot be relied on ends it: `fatal` is its last effect (fail-stop).
 *
 * @module
 */
import {
  decodeBase64url,
  decodeHex,
  encodeHex,
  equalBytes,
  parseCertificate,
} from '../../../shared/crypto/src/index.ts'
import {
  checkMember,
  decodeConfigurationUpdate,
  parseRef,
  REF_ATTRIBUTE,
  roleOf,
  spreadRows,
  approvedSuccession,
  type CheckpointRecord,
  type Succession,
  type SuccessionRecord,
} from '../../../shared/ledger-model/src/index.ts'
import {
  decodeCbor,
  encodeCbor,
  SECURITY_VERSION,
  type CborValue,
  type ErrorCode,
  type MspId,
} from '../../../shared/protocol/src/index.ts'
import {
  decodeRequest,
  encodeAnswer,
  encodeEffect,
  encodeFrame,
  encodeRefusal,
  isServed,
  type AbiAnswer,
  type AbiOpName,
  type Effect,
  type HostRequest,
  type HostRequestOf,
  type TaState,
} from '../../../shared/tee-abi/src/index.ts'
import { Requests } from './commands/requests.ts'
import { refusalOf, StorageError, TrustedApplicationError } from './errors.ts'
import type { FactsOutcome, LedgerFacts } from './facts/ledger-facts.ts'
import type { Facts } from './facts/queries.ts'
import { decodeConfiguration, updatedConfiguration, type Configuration } from './keys/configuration.ts'
import { IdentityKeys } from './keys/identity.ts'
import { seal, storeKeysOf, unseal, type StoreKeys } from './keys/sealing.ts'
import { DEFAULT_LIMITS, type Limits } from './limits.ts'
import type { TrustedApplicationPorts } from './ports.ts'
import { checkApproved, checkNoDowngrade, findProgram, writeProgram, type Program } from './program.ts'
import { checkIsAt, checkHolder, findHolder, writeHolder, type GivenUp, type Holder } from './recovery/holder.ts'
import { deriveInstance, type Instance } from './recovery/instance.ts'
import { restoredSet, Restoring } from './recovery/restoring.ts'
import type { SharesHere } from './recovery/shares.ts'
import { pairNeeds } from './replica/approval.ts'
import { Leader, type LinkAnswer } from './replica/leader.ts'
import { Replica } from './replica/replica.ts'
import { organizationFacts, type Now, type PendingFinish } from './sessions/index.ts'
import { Store } from './store.ts'
import { Vault } from './vault.ts'

export interface TrustedApplicationOptions {
  /** 32 bytes, SHA-256 of the bundle that runs. */
  readonly measurement: Uint8Array
  /** Default: that of this source. */
  readonly securityVersion?: number
  /** What was switched on for the process (docs/protocol/09-evidence.md §9.3). */
  readonly isolation: readonly string[]
  /** Identity of the application; part of what seals the store. The same over upgrades. */
  readonly taId: string
  readonly limits?: Limits
  /**
   * 2^bits buckets of a new store's state, fixed for its life; default 14. Fewer take less memory (64 bytes each) and more
   * time for each change once there are many rows.
   */
  readonly bucketBits?: number
  /** Of the tables, in order; default: those of this source. Another program has others. */
  readonly migrations?: readonly string[]
}

export interface TrustedApplication {
  /** `stopped` after `stop` and after a fatal error: nothing is answered any more. */
  readonly state: TaState | 'stopped'
  /** Whether it stopped because the store or itself cannot be relied on. */
  readonly isFatal: boolean
  /** Whether `commit` has something to do although no message came: call it again within a fifth of a second. */
  readonly isDue: boolean
  /** Takes one message of the host, without its length. */
  handle(message: Uint8Array): void
  /** Makes everything since the last call durable. @returns frames to write, in order. */
  commit(): Uint8Array[]
}

const DATABASE = 'store.db'
const META_CONFIGURATION = 'configuration'
const META_CERTIFICATE = 'certificate'
/** While the ledger does not answer at start, it is asked again after this time. */
const RECOVERY_RETRY_MS = 500
/** While a next identity key waits for the ledger, it is looked for this often, and less often when that takes long. */
const NEXT_KEY_MS = 100
const NEXT_KEY_SLOW_MS = 5_000
const NEXT_KEY_SLOW_AFTER_MS = 60_000

/**
 * Opens the store. What is found wrong at once is reported as `fatal` by the first `commit`, like everything later.
 * @throws {TypeError} for options that are none.
 */
export function createTrustedApplication(
  ports: TrustedApplicationPorts,
  options: TrustedApplicationOptions,
): TrustedApplication {
  if (options.measurement.length !== 32) throw new TypeError('measurement must have 32 bytes')
  return new Application(ports, options)
}

/** An answer, made when the round is durable. */
interface Message {
  readonly make: () => Uint8Array | undefined
  /** Leaves although a synchronous replica has not got the round. */
  readonly isUnheld: boolean
}

/** Operations whose answers say nothing of what is stored (§11.6). */
const UNHELD: ReadonlySet<AbiOpName> = new Set([
  'status',
  'attest',
  'configuration',
  'hello',
  'endorsement',
  'committed',
  'anchored',
  'replica-mode',
  'replica-hello',
  'promote',
])

type Handlers = { readonly [O in AbiOpName]: (request: HostRequestOf<O>) => AbiAnswer<O> | undefined }

class Application implements TrustedApplication {
  readonly #ports: TrustedApplicationPorts
  readonly #options: TrustedApplicationOptions
  #state: TaState | 'stopped' = 'new'
  #fatal: ErrorCode | undefined
  #keys: StoreKeys | undefined
  #store: Store | undefined
  #vault: Vault | undefined
  #requests: Requests | undefined
  #leader: Leader | undefined
  /** Set while this follows another server. */
  #replica: Replica | undefined
  /** Set while this puts a store's key together from shares. */
  #restoring: Restoring | undefined
  /** Number of the set of shares by which this device came by the key of the store. */
  #restoredSet: number | undefined
  /** 32 bytes, of the keys of the store. */
  #root: Uint8Array = new Uint8Array(32)
  #messages: Message[] = []
  /** Of synchronous replication: frames that leave when the replica has what they tell of, oldest first. */
  #held: { readonly position: number; readonly frames: readonly Uint8Array[] }[] = []
  #recoveryAtMs = 0
  #isRecoveryAsked = false
  /** Since when the ledger is asked for the next identity key, when next, and whether it is being asked. */
  #nextKey = { sinceMs: 0, atMs: 0, isAsked: false }
  #instance: Instance | undefined
  #holder: Holder | undefined
  /** The store was there before: its log is told of the start once it is served, and of nothing before. */
  #isReopened = false
  /** The store is not this program's yet: it is taken over with the ledger's leave. */
  #isSuccessor = false

  constructor(ports: TrustedApplicationPorts, options: TrustedApplicationOptions) {
    this.#ports = ports
    this.#options = options
    this.#guard(() => this.#open())
  }

  get state(): TaState | 'stopped' {
    return this.#state
  }

  get isFatal(): boolean {
    return this.#fatal !== undefined
  }

  get isDue(): boolean {
    const vault = this.#vault
    if (this.#fatal !== undefined) return true
    const waiting = this.#replica ?? this.#restoring
    if (waiting !== undefined) return waiting.facts.waiting > 0
    if (this.#leader?.isDue === true) return true
    if (vault === undefined || this.#state === 'stopped') return false
    if (this.#state === 'recovering') return true
    if (vault.identityKeys.next?.certified !== undefined) return true
    return vault.rewraps.isDue || vault.anchor.isDue || vault.uploads.isDue || vault.facts.waiting > 0
  }

  handle(message: Uint8Array): void {
    if (this.#state === 'stopped' || this.#fatal !== undefined) return
    this.#guard(() => this.#handle(message))
  }

  commit(): Uint8Array[] {
    if (this.#state === 'stopped') return []
    const frames = this.#guard(() => this.#commit())
    if (this.#fatal === undefined) return frames ?? []
    const code = this.#fatal
    this.#stop()
    return [encodeFrame(encodeEffect({ fx: 'fatal', code }))]
  }

  /** Runs a step; an error that escapes it ends the application. */
  #guard<T>(step: () => T): T | undefined {
    try {
      return step()
    } catch (error) {
      this.#fatal ??= refusalOf(error)?.code ?? 'TEE_FAULT'
      return undefined
    }
  }

  #open(): void {
    this.#instance = deriveInstance(this.#ports.crypto, this.#ports.deviceKey)
    const found = Replica.find(this.#ports, DATABASE, this.#limits())
    if (found instanceof Replica) {
      this.#replica = found
      this.#state = 'following'
      return
    }
    const restoring = found === undefined ? Restoring.find(this.#ports, DATABASE, this.#limits()) : undefined
    if (restoring !== undefined) {
      this.#restoring = restoring
      this.#state = 'restoring'
      return
    }
    // Before the store is open: a platform may have one database open at a time.
    this.#restoredSet = restoredSet(this.#ports)
    this.#openStore(found?.root ?? this.#ports.deviceKey.derive('root'))
  }

  #openStore(root: Uint8Array): void {
    const { crypto, database } = this.#ports
    this.#root = root
    this.#keys = storeKeysOf(crypto, root)
    this.#store = Store.open(
      crypto,
      database.open(DATABASE, this.#keys.database),
      this.#options.bucketBits,
      this.#limits(),
      this.#options.migrations,
    )
    const sealedConfiguration = this.#store.findMeta(META_CONFIGURATION)
    if (sealedConfiguration === undefined) {
      this.#store.decide()
      return
    }
    const current = findProgram(this.#store)
    if (current !== undefined) checkNoDowngrade(current, this.#program())
    // A store of before the rule names none.
    this.#isSuccessor = current === undefined || !equalBytes(current.measurement, this.#options.measurement)
    this.#holder = findHolder(this.#store)
    if (this.#holder === undefined && !equalBytes(root, this.#ports.deviceKey.derive('root'))) {
      throw new StorageError('STORE_NOT_HELD', 'a store of before the rule is of the device that made it')
    }
    // A store of before the rule: keys of this device opened it, so it was provisioned here.
    if (this.#holder === undefined) this.#hold({ term: 0, instance: this.#identified().instance.digest })
    const encoded = unseal(crypto, this.#keys.seal, [META_CONFIGURATION], sealedConfiguration)
    this.#assemble(encoded, IdentityKeys.open(this.#store, this.#keys.seal))
    this.#isReopened = true
    this.#state = this.#store.findMeta(META_CERTIFICATE) === undefined ? 'provisioned' : 'recovering'
    // One that was never served, or is this program's already, has nobody to ask (§10.8).
    if (this.#state === 'provisioned' || !this.#isSuccessor) this.#store.decide()
  }

  #assemble(encodedConfiguration: Uint8Array, identity: IdentityKeys): void {
    const { store, keys } = this.#opened()
    const configuration = decodeConfiguration(this.#ports.crypto, encodedConfiguration)
    const { securityVersion } = this.#program()
    const shared = { root: this.#root, securityVersion }
    this.#vault = new Vault(this.#ports, store, keys, configuration, identity, this.#limits(), shared)
    this.#requests = new Requests(this.#vault)
    this.#vault.facts.watchSuccession((record) => this.#see(record))
    this.#leader = new Leader(this.#vault, this.#root)
  }

  #handle(message: Uint8Array): void {
    let request
    try {
      request = decodeRequest(message)
    } catch (error) {
      const refusal = refusalOf(error)
      if (refusal === undefined) throw error
      const id = idOf(message)
      // Without a number there is nobody to answer.
      if (id !== undefined) this.#release(() => encodeRefusal(id, refusal.code))
      return
    }
    const { id, op } = request
    const writes = this.#store?.writes
    try {
      if (!isServed(op, this.#served())) throw new TrustedApplicationError(this.#notServed())
      const handler = this.#handlers[op] as (request: HostRequest) => AbiAnswer<'status'> | undefined
      const answer = handler(request)
      if (answer !== undefined) this.#release(() => encodeAnswer(op, id, answer), UNHELD.has(op))
    } catch (error) {
      if (error instanceof StorageError || this.#store?.writes !== writes) throw error
      const code = refusalOf(error)?.code ?? 'TEE_FAULT'
      this.#release(() => encodeRefusal(id, code), true)
    }
  }

  readonly #handlers: Handlers = {
    hello: ({ hello, conn }) => {
      const { vault } = this.#provisioned()
      return { reply: vault.sessions.hello(hello, conn, vault.now()) }
    },
    finish: ({ id, finish }) => this.#finish(id, finish),
    record: ({ id, record }) => {
      const { requests } = this.#provisioned()
      requests.take(record, (answer) => {
        this.#release(() => {
          const sealed = answer()
          return 'code' in sealed ? encodeRefusal(id, sealed.code) : encodeAnswer('record', id, sealed)
        })
      })
      return undefined
    },
    endorsement: ({ need, answers, rows, code }) => {
      const facts = this.#facts()
      const monotonicMs = this.#ports.clock.monotonicMs()
      const travelling = answers === undefined ? undefined : { answers, ...(rows === undefined ? {} : { rows }) }
      if (travelling !== undefined) facts.deliver(need, { answers: spreadRows(travelling) }, monotonicMs)
      else facts.deliver(need, { code: code ?? 'LEDGER_UNAVAILABLE' }, monotonicMs)
      return {}
    },
    committed: ({ items }) => {
      const { vault } = this.#provisioned()
      vault.uploads.committed(items, vault.now().monotonicMs)
      return {}
    },
    anchored: ({ epoch, code }) => {
      const { vault } = this.#provisioned()
      vault.anchor.settled(epoch, code, vault.now().monotonicMs)
      return {}
    },
    provision: ({ config }) => this.#provision(config),
    reconfigure: ({ id, update }) => this.#reconfigure(id, update),
    'next-identity': () => {
      const { vault, serverRef } = this.#provisioned()
      return vault.identityKeys.prepare(serverRef)
    },
    'take-identity': ({ cert }) => {
      const { vault } = this.#provisioned()
      const { next } = vault.identityKeys
      if (next === undefined) throw new TrustedApplicationError('KEY_UNKNOWN')
      vault.identityKeys.certify({ mspId: this.#checkCertificate(cert, next.publicKey), cert })
      const { monotonicMs } = vault.now()
      this.#nextKey = { ...this.#nextKey, sinceMs: monotonicMs, atMs: monotonicMs }
      return {}
    },
    certificate: ({ cert }) => {
      this.#installCertificate(cert)
      return {}
    },
    status: () => this.#status(),
    attest: ({ nonce }) => {
      const { vault, serverRef } = this.#provisioned()
      const { configuration, identity, ports } = vault
      const claims = { serverRef, identityKey: identity.publicKey, configDigest: configuration.digest }
      return { evidence: ports.evidence.attest(nonce, { ...claims, nowMs: ports.clock.nowMs() }) }
    },
    checkpoint: () => ({ checkpoint: this.#provisioned().vault.checkpoints.current().text }),
    proof: ({ index, size, from, to }) => {
      const { log } = this.#opened().store
      const limit = size ?? to ?? 0
      if (limit > log.committedSize) throw new TrustedApplicationError('LOG_SIZE_INVALID')
      if (index !== undefined && size !== undefined) return { proof: log.inclusionProof(index, size) }
      return { proof: log.consistencyProof(from ?? 0, to ?? 0) }
    },
    'anchor-now': () => {
      const { vault } = this.#provisioned()
      return { epoch: vault.anchor.request(vault.now().monotonicMs) }
    },
    backup: ({ id, name }) => {
      const { vault } = this.#provisioned()
      // A backup is of durable rows: it is made when the round is.
      this.#release(() => {
        try {
          vault.store.database.backup(name)
        } catch (error) {
          // The copy could not be made; the store itself is as good as before.
          if (error instanceof StorageError) return encodeRefusal(id, error.code)
          throw error
        }
        return encodeAnswer('backup', id, { name, checkpoint: vault.checkpoints.current().text })
      })
      return undefined
    },
    configuration: () => ({ config: this.#provisioned().vault.configuration.encoded }),
    'replica-mode': ({ mode, key }) => {
      const { vault, leader } = this.#provisioned()
      leader.setMode(mode, key)
      return { position: vault.store.position }
    },
    'replica-hello': ({ hello }) => {
      const { vault, leader } = this.#provisioned()
      return { reply: leader.hello(hello, vault.now()) }
    },
    'replica-finish': ({ id, finish }) => this.#finishReplica(id, finish),
    'replica-record': ({ id, record }) => {
      const { vault, leader } = this.#provisioned()
      leader.record(record, vault.now(), (sealed) => this.#release(() => encodeLinkAnswer(id, sealed), true))
      return undefined
    },
    'follow-prepare': ({ config }) => {
      const { serverRef } = decodeConfiguration(this.#ports.crypto, config)
      const isOther = this.#replica !== undefined && this.#replica.configuration.serverRef !== serverRef
      if (isOther || this.#vault !== undefined || this.#restoring !== undefined) {
        throw new TrustedApplicationError('TEE_ALREADY_PROVISIONED')
      }
      // A platform that could not tell at its next start what it was.
      if (this.#ports.database.has === undefined) throw new TrustedApplicationError('TEE_UNKNOWN_COMMAND')
      this.#replica?.close()
      // The empty store of the start is nobody's.
      this.#store?.database.close()
      this.#store = undefined
      this.#replica = Replica.prepare(this.#ports, config, DATABASE, this.#limits())
      this.#state = 'following'
      const { digest: instance } = this.#identified().instance
      return { key: this.#replica.key, instance, ...this.#attestationKey() }
    },
    'follow-hello': () => ({ hello: this.#following().hello() }),
    'follow-reply': ({ id, reply }) => this.#replyReplica(id, reply),
    'follow-record': ({ record }) => {
      const next = this.#following().take(record, this.#now())
      return next === undefined ? {} : { record: next }
    },
    'follow-close': () => {
      this.#following().close()
      return {}
    },
    'follow-open': () => {
      try {
        return { position: this.#following().open().position }
      } catch (error) {
        // A copy that is no good is nobody's store yet: another one comes.
        throw error instanceof StorageError ? new TrustedApplicationError(error.code, { cause: error }) : error
      }
    },
    promote: ({ id }) => this.#promote(id),
    'restore-prepare': ({ config }) => {
      const { serverRef } = decodeConfiguration(this.#ports.crypto, config)
      const isOther = this.#restoring !== undefined && this.#restoring.configuration.serverRef !== serverRef
      if (isOther || this.#replica !== undefined || this.#vault !== undefined) {
        throw new TrustedApplicationError('TEE_ALREADY_PROVISIONED')
      }
      // A platform that could not tell at its next start what it was.
      if (this.#ports.database.has === undefined) throw new TrustedApplicationError('TEE_UNKNOWN_COMMAND')
      // The empty store of the start is nobody's.
      this.#store?.database.close()
      this.#store = undefined
      this.#restoring = Restoring.prepare(this.#ports, config, DATABASE, this.#limits())
      this.#state = 'restoring'
      const { digest: instance } = this.#identified().instance
      return { key: this.#restoring.key, instance, ...this.#attestationKey() }
    },
    'restore-hello': ({ hello, conn }) => ({ reply: this.#restored().hello(hello, conn, this.#now()) }),
    'restore-finish': ({ id, finish }) => this.#finishGiver(id, finish),
    'restore-record': ({ id, record }) => {
      const answer = this.#restored().record(record, this.#now())
      this.#release(() => encodeAnswer('restore-record', id, { record: answer() }))
      return undefined
    },
    'restore-open': () => {
      let opened
      try {
        opened = this.#restored().open()
      } catch (error) {
        // A copy that is no good is nobody's store yet: another one comes.
        throw error instanceof StorageError ? new TrustedApplicationError(error.code, { cause: error }) : error
      }
      this.#restoring = undefined
      const { root, number } = opened
      this.#restoredSet = number
      // Whatever is wrong with the copy ends this, as at a start.
      this.#guard(() => this.#openStore(root))
      return {}
    },
    stop: ({ id }) => {
      this.#release(() => {
        this.#stop()
        return encodeAnswer('stop', id, {})
      }, true)
      return undefined
    },
  }

  /** §11.3: the ledger says which replica may have the key; the answer waits for it. */
  #finishReplica(id: number, finish: Uint8Array): undefined {
    const { vault, leader } = this.#provisioned()
    const pending = leader.finish(finish, vault.now())
    vault.facts.request(pairNeeds(vault.configuration, pending.instance), vault.now().monotonicMs, (outcome) => {
      this.#answerLater('replica-finish', id, outcome, (facts) => ({
        record: leader.completeFinish(pending, facts, vault.now()),
      }))
    })
    return undefined
  }

  /** §12.5: the ledger says which hospital gives a share, and with which key the server signs; the answer waits for it. */
  #finishGiver(id: number, finish: Uint8Array): undefined {
    const restoring = this.#restored()
    const pending = restoring.finish(finish, this.#now())
    restoring.facts.request(pairNeeds(restoring.configuration), this.#now().monotonicMs, (outcome) => {
      this.#answerLater('restore-finish', id, outcome, (facts) => ({
        record: restoring.completeFinish(pending, facts, this.#now()),
      }))
    })
    return undefined
  }

  /** §11.3: the ledger says which server this follows. */
  #replyReplica(id: number, reply: Uint8Array): undefined {
    const replica = this.#following()
    replica.facts.request(pairNeeds(replica.configuration), this.#now().monotonicMs, (outcome) => {
      this.#answerLater('follow-reply', id, outcome, (facts) => ({ finish: replica.reply(reply, facts) }))
    })
    return undefined
  }

  /**
   * §11.7: only when the organisations have named this instance, and only if the copy has what the ledger vouches for; or
   * what they agreed on. It follows on when not.
   */
  #promote(id: number): undefined {
    const replica = this.#following()
    const { instance } = this.#identified()
    const { serverRef, organizations } = replica.configuration
    if (replica.reached === undefined) throw new TrustedApplicationError('REPLICA_UNKNOWN')
    replica.facts.request({ checkpointOf: serverRef }, this.#now().monotonicMs, (outcome) => {
      this.#answerLater('promote', id, outcome, ({ succession, checkpoint }) => {
        const voters = organizations.map(({ mspId }) => mspId)
        const named = succession && approvedSuccession(succession, voters)
        if (named?.instance !== encodeHex(instance.digest)) throw new TrustedApplicationError('STORE_NOT_HELD')
        const isBehind = checkpoint !== undefined && checkpoint.size > (replica.reached?.size ?? 0)
        if (isBehind && named.from === undefined) throw new TrustedApplicationError('REPLICA_BEHIND')
        const { root } = replica.promote()
        this.#replica = undefined
        // Whatever is wrong with the copy ends this, as at a start.
        this.#guard(() => this.#openStore(root))
        return {}
      })
    })
    return undefined
  }

  #answerLater<O extends AbiOpName>(
    op: O,
    id: number,
    outcome: FactsOutcome,
    answer: (facts: Facts) => AbiAnswer<O>,
  ): void {
    let message: Uint8Array
    try {
      if ('code' in outcome) throw new TrustedApplicationError(outcome.code)
      message = encodeAnswer(op, id, answer(outcome.facts))
    } catch (error) {
      if (error instanceof StorageError) throw error
      message = encodeRefusal(id, refusalOf(error)?.code ?? 'TEE_FAULT')
    }
    this.#release(() => message, true)
  }

  /** §5.6: the ledger says whether the client is still known; the answer waits for it. */
  #finish(id: number, finish: Uint8Array): undefined {
    const { vault } = this.#provisioned()
    const pending = vault.sessions.finish(finish, vault.now())
    const settle = (outcome: FactsOutcome): void => {
      let message: Uint8Array
      try {
        if ('code' in outcome) throw new TrustedApplicationError(outcome.code)
        const facts = organizationFacts(outcome.facts.organization(pending.mspId))
        const { record } = vault.sessions.completeFinish(pending, facts, vault.now())
        message = encodeAnswer('finish', id, { record })
      } catch (error) {
        message = encodeRefusal(id, refusalOf(error)?.code ?? 'TEE_FAULT')
      }
      this.#release(() => message)
    }
    const needs = { organizations: [pending.mspId] }
    vault.facts.request(needs, vault.now().monotonicMs, (outcome) => {
      // Who registered a moment ago is not in what is remembered.
      if ('code' in outcome || isKnownIn(outcome.facts, pending)) settle(outcome)
      else vault.facts.request({ ...needs, fresh: true }, vault.now().monotonicMs, settle)
    })
    return undefined
  }

  #provision(config: Uint8Array): AbiAnswer<'provision'> {
    const { crypto } = this.#ports
    const isAnothers = this.#replica !== undefined || this.#restoring !== undefined
    if (isAnothers) throw new TrustedApplicationError('TEE_ALREADY_PROVISIONED')
    const { store, keys } = this.#opened()
    if (this.#vault !== undefined) throw new TrustedApplicationError('TEE_ALREADY_PROVISIONED')
    const { digest, serverRef } = decodeConfiguration(crypto, config)
    const identity = IdentityKeys.create(store, keys.seal)
    store.setMeta(META_CONFIGURATION, seal(crypto, keys.seal, [META_CONFIGURATION], config))
    this.#assemble(config, identity)
    const { vault } = this.#provisioned()
    vault.log({ t: 'provision', timeMs: vault.now().unixMs, actor: serverRef, digest })
    writeProgram(store, this.#program())
    this.#hold({ term: 0, instance: this.#identified().instance.digest })
    this.#state = 'provisioned'
    return { configDigest: digest, identityKey: identity.current.publicKey, ...this.#attestationKey() }
  }

  /** §2.7: only signatures by certificates that are not revoked count; the answer waits for the ledger. */
  #reconfigure(id: number, encoded: Uint8Array): undefined {
    const { vault } = this.#provisioned()
    const update = decodeConfigurationUpdate(encoded)
    const { monotonicMs, unixMs } = vault.now()
    // First without the ledger: only what is signed well is worth a question.
    updatedConfiguration(vault.crypto, vault.configuration, update, unixMs, () => false)
    const organizations = update.signatures.map(({ mspId }) => mspId)
    vault.facts.request({ organizations, fresh: true }, monotonicMs, (outcome) => {
      let next: Configuration
      try {
        if ('code' in outcome) throw new TrustedApplicationError(outcome.code)
        const { facts } = outcome
        // Again: another one may have been taken since.
        next = updatedConfiguration(vault.crypto, vault.configuration, update, facts.timeMs, (mspId, serialHex) => {
          return facts.findOrganization(mspId)?.revokedSerials.includes(serialHex) === true
        })
      } catch (error) {
        const code = refusalOf(error)?.code ?? 'TEE_FAULT'
        this.#release(() => encodeRefusal(id, code))
        return
      }
      this.#putInForce(next)
      const { digest, sequence } = next
      this.#release(() => encodeAnswer('reconfigure', id, { configDigest: digest, sequence }))
    })
    return undefined
  }

  /** Durable with the round. */
  #putInForce(next: Configuration): void {
    const { crypto } = this.#ports
    const { store, keys } = this.#opened()
    const { vault, serverRef } = this.#provisioned()
    store.setMeta(META_CONFIGURATION, seal(crypto, keys.seal, [META_CONFIGURATION], next.encoded))
    vault.reconfigure(next)
    const { digest, sequence } = next
    vault.log({ t: 'configure', timeMs: vault.now().unixMs, actor: serverRef, version: sequence, digest })
  }

  #program(): Program {
    const { measurement, securityVersion = SECURITY_VERSION } = this.#options
    return { measurement, securityVersion }
  }

  /** §10.8: the store is this program's from here on. */
  #takeOver(facts: Facts): void {
    const { vault, serverRef } = this.#provisioned()
    const program = this.#program()
    checkApproved(facts, vault.configuration.organizations, program)
    writeProgram(vault.store, program)
    vault.store.decide()
    const { measurement: digest, securityVersion: version } = program
    vault.log({ t: 'program', timeMs: vault.now().unixMs, actor: serverRef, version, digest })
    this.#isSuccessor = false
  }

  #hold(holder: Holder): void {
    writeHolder(this.#opened().store, holder)
    this.#holder = holder
  }

  /** §10.9: fencing. Whatever a quorum says of the store's holder counts before anything else that it said. */
  #see(record: SuccessionRecord): void {
    if (this.#state !== 'serving') return
    const succession = this.#checkHolder(record)
    if (succession !== undefined) this.#succeed(succession)
  }

  #checkHolder(record: SuccessionRecord): Succession | undefined {
    const { instance, holder } = this.#identified()
    return checkHolder(holder, instance.digest, record, this.#provisioned().vault.configuration.organizations)
  }

  /** §10.9: the store is held by this instance from here on, and begins below the checkpoint if it was so agreed. */
  #succeed({ term }: Succession, from?: GivenUp): void {
    const { vault, serverRef } = this.#provisioned()
    const { instance, holder } = this.#identified()
    const start = from ?? holder.from
    this.#hold({ term, instance: instance.digest, ...(start === undefined ? {} : { from: start }) })
    vault.log({
      t: 'succession',
      timeMs: vault.now().unixMs,
      actor: serverRef,
      version: term,
      digest: instance.digest,
      ...(from === undefined ? {} : { from }),
    })
  }

  /**
   * The state below the newest checkpoint with which the organisations let this instance go on; undefined if the
   * checkpoint itself must be in the log.
   * @throws {StorageError} `STATE_ROLLED_BACK` if the store is another one than that.
   */
  #agreedStart(succession: Succession | undefined, checkpoint: CheckpointRecord | undefined): GivenUp | undefined {
    const { vault } = this.#provisioned()
    const from = succession?.from
    if (from === undefined || from.epoch !== checkpoint?.epoch || !vault.anchor.isBelow(checkpoint)) return undefined
    const start = { ...from, root: decodeHex(from.root) }
    checkIsAt(vault.store, start)
    return start
  }

  /** Of our own identity key, from a root of the configuration, as a server, with our reference. */
  #installCertificate(cert: Uint8Array): void {
    const { vault } = this.#provisioned()
    const mspId = this.#checkCertificate(cert, vault.identity.publicKey)
    vault.store.setMeta(META_CERTIFICATE, encodeCbor({ mspId, cert }))
    if (this.#state === 'provisioned') this.#state = 'recovering'
    else this.#startAnchoring()
  }

  /** @param identityKey 65 bytes. @throws {TrustedApplicationError} `CREDENTIAL_REJECTED` */
  #checkCertificate(cert: Uint8Array, identityKey: Uint8Array): MspId {
    const { vault, serverRef } = this.#provisioned()
    const { crypto, configuration } = vault
    const { attributes, publicKey } = parseCertificate(cert)
    const isOurs =
      equalBytes(publicKey, identityKey) &&
      roleOf({ attributes }) === 'server' &&
      parseRef(attributes[REF_ATTRIBUTE]) === serverRef
    if (!isOurs) throw new TrustedApplicationError('CREDENTIAL_REJECTED')
    for (const { mspId } of configuration.organizations) {
      try {
        return checkMember(crypto, configuration.organizations, mspId, cert, vault.now().unixMs).mspId
      } catch (error) {
        if (refusalOf(error)?.code !== 'LEDGER_IDENTITY_REJECTED') throw error
      }
    }
    throw new TrustedApplicationError('CREDENTIAL_REJECTED')
  }

  /** §2.10: whether the ledger has the next identity key, from its organisation's list. */
  #lookForNextKey(): void {
    const { vault, serverRef } = this.#provisioned()
    const { next } = vault.identityKeys
    const { monotonicMs } = vault.now()
    if (next?.certified === undefined || this.#nextKey.isAsked || monotonicMs < this.#nextKey.atMs) return
    const { sinceMs } = this.#nextKey
    const pauseMs = monotonicMs - sinceMs < NEXT_KEY_SLOW_AFTER_MS ? NEXT_KEY_MS : NEXT_KEY_SLOW_MS
    this.#nextKey = { sinceMs, atMs: monotonicMs + pauseMs, isAsked: true }
    const { mspId } = next.certified
    vault.facts.request({ organizations: [mspId], fresh: true }, monotonicMs, (outcome) => {
      this.#nextKey = { ...this.#nextKey, isAsked: false }
      if ('code' in outcome) return
      const found = outcome.facts.findOrganization(mspId)?.participants.find(({ ref }) => ref === serverRef)
      const { next: waiting } = vault.identityKeys
      if (found === undefined || waiting?.certified === undefined) return
      // What a quorum says of another key is no word for this one.
      if (equalBytes(decodeBase64url(found.publicKey), waiting.publicKey)) this.#guard(() => this.#takeNextKey())
    })
  }

  /** §2.10: from here on the next identity key signs; durable with the round, before it has signed anything. */
  #takeNextKey(): void {
    const { vault, serverRef } = this.#provisioned()
    const { digest, certified } = vault.identityKeys.take()
    vault.store.setMeta(META_CERTIFICATE, encodeCbor({ ...certified }))
    vault.checkpoints.signBy(vault.identity)
    vault.log({ t: 'identity', timeMs: vault.now().unixMs, actor: serverRef, digest })
    this.#startAnchoring()
    // Keys before are believed up to the first checkpoint that the ledger has under this one (§7.17).
    vault.anchor.request(vault.now().monotonicMs)
  }

  #startAnchoring(): void {
    const { vault, serverRef } = this.#provisioned()
    // Before it has a certificate the ledger does not know it.
    if (vault.store.findMeta(META_CERTIFICATE) === undefined) return
    vault.anchor.start({ serverRef, key: vault.identity })
  }

  /**
   * §10.5: nothing is served before the ledger says that this store is the newest; §10.8: and this program its own; §10.9:
   * and this instance the one that holds it.
   */
  #recover(): void {
    const { vault, serverRef } = this.#provisioned()
    const { monotonicMs } = vault.now()
    if (this.#isRecoveryAsked || monotonicMs < this.#recoveryAtMs) return
    this.#isRecoveryAsked = true
    this.#recoveryAtMs = monotonicMs + RECOVERY_RETRY_MS
    const votes = this.#isSuccessor ? { program: encodeHex(this.#options.measurement) } : {}
    vault.facts.request({ checkpointOf: serverRef, ...votes }, monotonicMs, (outcome) => {
      this.#isRecoveryAsked = false
      if ('code' in outcome) return
      // Whatever the ledger says against this store ends the application.
      this.#guard(() => {
        const { checkpoint, succession: record } = outcome.facts
        // Asked with every question: without it there is nothing to decide by.
        if (record === undefined) return
        const succession = this.#checkHolder(record)
        const start = this.#agreedStart(succession, checkpoint)
        vault.anchor.reconcile(checkpoint, vault.now().monotonicMs, start ?? this.#holder?.from)
        if (this.#state !== 'recovering') return
        if (this.#isReopened) vault.log({ t: 'start', timeMs: vault.now().unixMs, actor: serverRef })
        if (this.#isSuccessor) this.#takeOver(outcome.facts)
        if (succession !== undefined) {
          const number = this.#restoredSet
          if (number !== undefined) vault.shares.noteRestored(this.#identified().instance.digest, number)
          this.#succeed(succession, start)
        }
        this.#startAnchoring()
        this.#state = 'serving'
        // The pair that the store was half of is no more.
        if (this.#leader?.isFollowedBy(this.#identified().instance.key.publicKey) === true) this.#leader.setMode('off')
      })
    })
  }

  #attestationKey(): { readonly attestationKey?: Uint8Array } {
    const { attestationKey } = this.#ports.evidence
    return attestationKey === undefined ? {} : { attestationKey }
  }

  #status(): AbiAnswer<'status'> {
    const { measurement, isolation } = this.#options
    if (this.#replica !== undefined) return this.#replicaStatus(this.#replica)
    if (this.#restoring !== undefined) return this.#restoringStatus(this.#restoring)
    const { store } = this.#opened()
    const leader = this.#leader
    const vault = this.#vault
    const anchored = vault?.anchor.anchored
    const shares = vault?.shares.current
    return {
      state: this.#served(),
      ...(vault === undefined
        ? {}
        : {
            serverRef: vault.configuration.serverRef,
            identityKey: vault.identity.publicKey,
            configDigest: vault.configuration.digest,
            sequence: vault.configuration.sequence,
            ...this.#attestationKey(),
          }),
      measurement,
      instance: this.#identified().instance.digest,
      ...(this.#holder === undefined ? {} : { term: this.#holder.term }),
      logSize: store.log.committedSize,
      logRoot: store.log.committedRoot(),
      epoch: vault?.anchor.epoch ?? 0,
      ...(anchored === undefined ? {} : { anchoredSize: anchored.size, anchoredRoot: anchored.root }),
      sessions: vault?.sessions.size ?? 0,
      waiting: vault?.uploads.waiting ?? 0,
      isolation,
      records: vault?.records.count ?? 0,
      patients: vault?.patients.count ?? 0,
      ...(shares === undefined ? {} : { shares: shownOf(shares) }),
      ...(leader === undefined || leader.mode === 'off'
        ? {}
        : {
            replication: {
              mode: leader.mode,
              position: store.position,
              acknowledged: leader.acknowledged,
              ...(leader.heardMs === undefined ? {} : { heardMs: leader.heardMs }),
            },
          }),
    }
  }

  #replicaStatus({ configuration, key, reached }: Replica): AbiAnswer<'status'> {
    return {
      ...this.#emptyStatus(configuration, key),
      logSize: reached?.size ?? 0,
      ...(reached === undefined ? {} : { following: { position: reached.position, logSize: reached.size } }),
    }
  }

  #restoringStatus({ configuration, key, progress }: Restoring): AbiAnswer<'status'> {
    return { ...this.#emptyStatus(configuration, key), restoring: progress }
  }

  /** Of one that has no store to serve yet. @param identityKey with which it proves itself. */
  #emptyStatus(configuration: Configuration, identityKey: Uint8Array): AbiAnswer<'status'> {
    const { measurement, isolation } = this.#options
    return {
      state: this.#served(),
      serverRef: configuration.serverRef,
      identityKey,
      configDigest: configuration.digest,
      sequence: configuration.sequence,
      ...this.#attestationKey(),
      measurement,
      logSize: 0,
      epoch: 0,
      sessions: 0,
      waiting: 0,
      instance: this.#identified().instance.digest,
      isolation,
      records: 0,
      patients: 0,
    }
  }

  #commit(): Uint8Array[] {
    if (this.#fatal !== undefined) throw new TrustedApplicationError(this.#fatal)
    const vault = this.#vault
    const waiting = this.#replica ?? this.#restoring
    if (waiting !== undefined) {
      const effects = waiting.facts.flush(this.#ports.clock.monotonicMs())
      // After it: what came too late has just been refused.
      return this.#framesOf(this.#takeMessages(), effects)
    }
    if (vault === undefined) {
      if (this.#store?.isDirty === true) this.#store.commit({ timeMs: 0, actor: 'ta' })
      return this.#framesOf(this.#takeMessages(), [])
    }
    if (this.#state === 'recovering' || (this.#state === 'serving' && vault.anchor.isDisputed)) this.#recover()
    if (this.#state === 'serving') this.#lookForNextKey()
    this.#makeDurable()
    const { monotonicMs } = vault.now()
    const anchor = vault.anchor.state(monotonicMs)
    const effects: Effect[] = [
      ...vault.round.take(),
      ...vault.uploads.watch(monotonicMs),
      ...vault.facts.flush(monotonicMs),
      ...(anchor === undefined ? [] : [anchor]),
    ]
    this.#leader?.step(vault.now())
    // Last: facts that came too late have just refused their requests.
    const messages = this.#takeMessages()
    if (this.#leader?.mode !== 'synchronous' && this.#held.length === 0) return this.#framesOf(messages, effects)
    return this.#heldBack(messages, effects)
  }

  /** §11.6: what tells of the store waits until the replica has the store as it was when it was told. */
  #heldBack(messages: readonly Message[], effects: readonly Effect[]): Uint8Array[] {
    const { vault, leader } = this.#provisioned()
    const isFree = (effect: Effect): boolean => effect.fx === 'need' || effect.fx === 'watch'
    const frames = this.#framesOf(
      messages.filter(({ isUnheld }) => isUnheld),
      effects.filter(isFree),
    )
    const waiting = this.#framesOf(
      messages.filter(({ isUnheld }) => !isUnheld),
      effects.filter((effect) => !isFree(effect)),
    )
    if (waiting.length > 0) this.#held.push({ position: vault.store.position, frames: waiting })
    const reached = leader.mode === 'synchronous' ? leader.acknowledged : Number.MAX_SAFE_INTEGER
    while (this.#held[0] !== undefined && this.#held[0].position <= reached) {
      frames.push(...(this.#held.shift()?.frames ?? []))
    }
    return frames
  }

  /** Completes what can be completed and commits it. */
  #makeDurable(): void {
    const { vault, serverRef } = this.#provisioned()
    const { monotonicMs, unixMs } = vault.now()
    if (this.#state === 'serving') {
      vault.uploads.expire(monotonicMs)
      vault.rewraps.step()
    }
    if (vault.patientLog.isDue) vault.writeIndexes()
    // Last to append: receipts of this round are of the log's size after it.
    vault.uploads.finish(unixMs)
    vault.anchor.reserve(monotonicMs)
    vault.store.commit({ timeMs: unixMs, actor: serverRef })
  }

  #framesOf(messages: readonly Message[], effects: readonly Effect[]): Uint8Array[] {
    const frames: Uint8Array[] = []
    for (const { make } of messages) {
      const message = make()
      if (message !== undefined) frames.push(encodeFrame(message))
    }
    for (const effect of effects) frames.push(encodeFrame(encodeEffect(effect)))
    return frames
  }

  /** @param isUnheld says nothing of the store: it does not wait for the replica. */
  #release(make: () => Uint8Array | undefined, isUnheld = false): void {
    this.#messages.push({ make, isUnheld })
  }

  #takeMessages(): readonly Message[] {
    const messages = this.#messages
    this.#messages = []
    return messages
  }

  #stop(): void {
    this.#state = 'stopped'
    try {
      this.#replica?.close()
      this.#store?.database.close()
    } catch {
      // Nothing can be done about a store that does not close: what was acknowledged is durable.
    }
  }

  #limits(): Limits {
    return this.#options.limits ?? DEFAULT_LIMITS
  }

  #served(): TaState {
    return this.#state === 'stopped' ? 'new' : this.#state
  }

  #notServed(): ErrorCode {
    return this.#state === 'recovering' ? 'TEE_RECOVERING' : 'TEE_NOT_PROVISIONED'
  }

  #now(): Now {
    return { monotonicMs: this.#ports.clock.monotonicMs(), unixMs: this.#ports.clock.nowMs() }
  }

  #facts(): LedgerFacts {
    return (this.#replica ?? this.#restoring)?.facts ?? this.#provisioned().vault.facts
  }

  /** @throws {TrustedApplicationError} `REPLICA_UNKNOWN`: this is none. */
  #following(): Replica {
    if (this.#replica === undefined) throw new TrustedApplicationError('REPLICA_UNKNOWN')
    return this.#replica
  }

  /** @throws {TrustedApplicationError} `TEE_ALREADY_PROVISIONED`: this has its store. */
  #restored(): Restoring {
    if (this.#restoring === undefined) throw new TrustedApplicationError('TEE_ALREADY_PROVISIONED')
    return this.#restoring
  }

  #opened(): { readonly store: Store; readonly keys: StoreKeys } {
    if (this.#store === undefined || this.#keys === undefined) throw new TypeError('the store is not open')
    return { store: this.#store, keys: this.#keys }
  }

  #identified(): { readonly instance: Instance; readonly holder: Holder } {
    const instance = this.#instance
    if (instance === undefined) throw new TypeError('the store is not open')
    return { instance, holder: this.#holder ?? { term: 0, instance: instance.digest } }
  }

  #provisioned(): {
    readonly vault: Vault
    readonly requests: Requests
    readonly leader: Leader
    readonly serverRef: Vault['configuration']['serverRef']
  } {
    if (this.#vault === undefined || this.#requests === undefined || this.#leader === undefined) {
      throw new TrustedApplicationError('TEE_NOT_PROVISIONED')
    }
    return {
      vault: this.#vault,
      requests: this.#requests,
      leader: this.#leader,
      serverRef: this.#vault.configuration.serverRef,
    }
  }
}

/** Whether these facts show the participant of a finish, with the key of its certificate. */
function isKnownIn(facts: Facts, { mspId, credential }: PendingFinish): boolean {
  const policy = facts.findOrganization(mspId)
  const participant = policy && organizationFacts(policy).findParticipant(credential.participant)
  return participant !== undefined && equalBytes(participant.publicKey, credential.participantKey)
}

function shownOf({ set, held }: SharesHere): NonNullable<AbiAnswer<'status'>['shares']> {
  const { number, timeMs, threshold, holders } = set
  return { number, timeMs, threshold, holders: holders.map(({ mspId }) => mspId), held }
}

function encodeLinkAnswer(id: number, sealed: LinkAnswer): Uint8Array {
  const answer = sealed()
  return 'code' in answer ? encodeRefusal(id, answer.code) : encodeAnswer('replica-record', id, answer)
}

/** The number of a request that is not in order otherwise. */
function idOf(message: Uint8Array): number | undefined {
  let value: CborValue
  try {
    value = decodeCbor(message)
  } catch {
    return undefined
  }
  const id = typeof value === 'object' && value !== null ? (value as { readonly id?: CborValue }).id : undefined
  return typeof id === 'number' ? id : undefined
}

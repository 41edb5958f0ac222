/**
 * The recovery shares that a store's trusted application makes of its root key: one for each organisation with a
 * hospital, made anew whenever the key, the organisations or their hospitals are others than those of the set that is
 * there. Spec: docs/protocol/12-recovery-shares.md §12.1, §12.2.
 *
 * @module
 */
import {
  decodeBase64url,
  equalBytes,
  label,
  type Crypto,
  type SigningKey,
} from '../../../../shared/crypto/src/index.ts'
import {
  bytes,
  decodeMessage,
  decodeRecoverySet,
  encodeCbor,
  isRootOf,
  LEAST_THRESHOLD,
  list,
  makeRecoverySet,
  MAX_SHARE_HOSPITALS,
  mspIdShape,
  openRecoverySet,
  optional,
  ProtocolError,
  struct,
  uint,
  type HospitalRef,
  type Infer,
  type MspId,
  type NewRecoverySet,
  type RecoverySet,
  type ShareHolder,
  type SignedRecoverySet,
} from '../../../../shared/protocol/src/index.ts'
import { TrustedApplicationError } from '../errors.ts'
import type { Facts } from '../facts/queries.ts'
import type { Configuration } from '../keys/configuration.ts'
import type { LogEntry } from '../audit/entry.ts'
import type { Now } from '../sessions/index.ts'
import type { Store } from '../store.ts'

const META = 'shares'
const KIND = 'shares'
const ID = 'current'
const ROW = label('ta-shares')

const rowShape = struct({
  set: bytes({ min: 1, max: 256 * 1024 }),
  signature: bytes({ length: 64 }),
  /** Organisations that have said that they keep their share of this set. */
  held: list(mspIdShape, { max: 64 }),
  /** Number of the newest set that was held by as many as it takes; 0: none. */
  ready: uint(),
  /** The instance that came by the key through shares, once it serves. */
  restored: optional(bytes({ length: 32 })),
})
type Row = Infer<typeof rowShape>

/** A set, and how far it has come. */
export interface SharesHere {
  readonly signed: SignedRecoverySet
  readonly set: RecoverySet
  readonly held: readonly MspId[]
  /** 0: no set was ever held by enough. */
  readonly ready: number
}

/** Undefined: none was made. @throws {StorageError} `STATE_ROLLED_BACK` if the row is not the one that was written last. */
export function findShares(store: Store): SharesHere | undefined {
  const row = findRow(store)
  if (row === undefined) return undefined
  const { set, signature, held, ready } = row
  return { signed: { set, signature }, set: decodeRecoverySet(set), held, ready }
}

/** What a set of now must say. */
type Wanted = Pick<NewRecoverySet, 'securityVersion' | 'threshold' | 'voters' | 'holders'>

/** What shares need of the trusted application around them; the vault gives it. */
export interface SharesParts {
  readonly crypto: Crypto
  readonly store: Store
  readonly configuration: Configuration
  /** The server's, now. */
  readonly identity: SigningKey
  now(): Now
  /** Appends an entry. @returns its index. */
  log(entry: LogEntry): number
}

export class RecoveryShares {
  readonly #vault: SharesParts
  readonly #root: Uint8Array
  readonly #securityVersion: number

  /** @param root 32 bytes, of the keys of the store. @param securityVersion of the program that runs. */
  constructor(vault: SharesParts, root: Uint8Array, securityVersion: number) {
    this.#vault = vault
    this.#root = root
    this.#securityVersion = securityVersion
  }

  get current(): SharesHere | undefined {
    return findShares(this.#vault.store)
  }

  /**
   * The set of now. It is made, logged and stored in this round if there is none, or none for these organisations.
   * @param facts with the endorsed policy of every organisation of the configuration.
   * @throws {TrustedApplicationError} `RECOVERY_TOO_FEW_HOSPITALS`
   */
  renew(facts: Facts): SharesHere {
    const { crypto, store, configuration, identity } = this.#vault
    const wanted = this.#wanted(facts)
    const known = this.current
    if (known !== undefined && this.#isOf(known, wanted)) return known
    const { unixMs: timeMs } = this.#vault.now()
    const number = (known?.set.number ?? 0) + 1
    const { serverRef: server } = configuration
    const signed = makeRecoverySet(crypto, identity, this.#root, { server, number, timeMs, ...wanted })
    this.#write({ ...signed, held: [], ready: known?.ready ?? 0 })
    this.#vault.log({ t: 'shares', timeMs, actor: server, version: number, digest: crypto.sha256(signed.set) })
    return findShares(store) as SharesHere
  }

  /** An organisation has its share of the set with this id, durably. @returns how many have. */
  confirm(mspId: MspId, id: Uint8Array): number {
    const known = this.current
    if (known === undefined || !equalBytes(known.set.id, id)) return known?.held.length ?? 0
    const { signed, set, ready } = known
    const isHolder = set.holders.some((holder) => holder.mspId === mspId)
    if (!isHolder || known.held.includes(mspId)) return known.held.length
    const held = [...known.held, mspId]
    this.#write({ ...signed, held, ready: held.length >= set.threshold ? set.number : ready })
    return held.length
  }

  /** That this instance came by the key through shares stands in the log, once. @param number of the set. */
  noteRestored(instance: Uint8Array, number: number): void {
    const { store, configuration } = this.#vault
    const row = findRow(store)
    if (row?.restored !== undefined && equalBytes(row.restored, instance)) return
    if (row !== undefined) this.#write({ ...row, restored: instance })
    const { unixMs: timeMs } = this.#vault.now()
    this.#vault.log({ t: 'restore', timeMs, actor: configuration.serverRef, version: number, digest: instance })
  }

  #wanted(facts: Facts): Wanted {
    const { configuration } = this.#vault
    const holders = holdersOf(configuration, facts)
    const majority = Math.floor(holders.length / 2) + 1
    const threshold = Math.max(LEAST_THRESHOLD, majority, configuration.recoveryThreshold)
    if (threshold > holders.length) throw new TrustedApplicationError('RECOVERY_TOO_FEW_HOSPITALS')
    const voters = configuration.organizations.map(({ mspId }) => mspId)
    return { securityVersion: this.#securityVersion, threshold, voters, holders }
  }

  #isOf({ signed, set }: SharesHere, wanted: Wanted): boolean {
    const { crypto, configuration, identity } = this.#vault
    const plain = ({ securityVersion, threshold, voters, holders }: Wanted) =>
      encodeCbor({
        securityVersion,
        threshold,
        voters: [...voters],
        holders: holders.map(({ mspId, hospitals }) => [mspId, hospitals.map(({ ref, sealKey }) => [ref, sealKey])]),
      })
    if (!equalBytes(plain(set), plain(wanted)) || !isRootOf(crypto, set, this.#root)) return false
    try {
      const identityKey = crypto.importVerifyingKey(identity.publicKey)
      openRecoverySet(crypto, signed, { ref: configuration.serverRef, identityKey })
      return true
    } catch (error) {
      // Signed with the identity key of before: who restores knows the registered one.
      if (error instanceof ProtocolError) return false
      throw error
    }
  }

  #write(row: Row): void {
    const { set, signature, held, ready, restored } = row
    const kept = restored ?? findRow(this.#vault.store)?.restored
    const encoded = encodeCbor({ set, signature, held, ready, ...(kept === undefined ? {} : { restored: kept }) })
    const { store } = this.#vault
    store.setMeta(META, encoded)
    store.state.set(KIND, ID, store.crypto.sha256(ROW, encoded))
  }
}

/** The active hospitals of each organisation of the configuration that has any, in its order. */
function holdersOf({ organizations }: Configuration, facts: Facts): readonly ShareHolder[] {
  return organizations.flatMap(({ mspId }) => {
    const { participants, revokedSerials } = facts.organization(mspId)
    const hospitals = participants.flatMap(({ ref, kind, status, certSerial, sealKey }) =>
      kind === 'hospital' && status === 'active' && sealKey !== undefined && !revokedSerials.includes(certSerial)
        ? [{ ref: ref as HospitalRef, sealKey: decodeBase64url(sealKey) }]
        : [],
    )
    return hospitals.length === 0 ? [] : [{ mspId, hospitals: hospitals.slice(0, MAX_SHARE_HOSPITALS) }]
  })
}

function findRow(store: Store): Row | undefined {
  const encoded = store.findMeta(META)
  if (encoded === undefined) {
    store.state.checkAbsent(KIND, ID)
    return undefined
  }
  store.state.checkRow(KIND, ID, store.crypto.sha256(ROW, encoded))
  return decodeMessage(encoded, rowShape, 'shares', { maxBytes: 512 * 1024 })
}

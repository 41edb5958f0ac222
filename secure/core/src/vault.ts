/**
 * Everything the trusted application has once it is provisioned, as one object: rows, keys, the log, the ledger's
 * answers, sessions. Commands get it as a parameter; it decides nothing itself.
 *
 * @module
 */
import type { Crypto, SigningKey } from '../../../shared/crypto/src/index.ts'
import type { ServerIdentity } from '../../../shared/protocol/src/session/server.ts'
import { Emergencies } from './access/emergencies.ts'
import { Anchor } from './audit/anchor.ts'
import { Checkpoints } from './audit/checkpoints.ts'
import type { LogEntry } from './audit/entry.ts'
import { PatientLog } from './audit/patient-log.ts'
import { LedgerFacts } from './facts/ledger-facts.ts'
import type { Configuration } from './keys/configuration.ts'
import type { IdentityKeys } from './keys/identity.ts'
import type { SealingKeys } from './keys/sealing-keys.ts'
import { TreatmentKeys } from './keys/treatment-keys.ts'
import { Patients } from './patients.ts'
import type { Limits } from './limits.ts'
import type { CompressionPort, TrustedApplicationPorts } from './ports.ts'
import { Practitioners } from './practitioners.ts'
import { Bodies } from './records/bodies.ts'
import { RecordIndex } from './records/record-index.ts'
import { RecordRows, STORED } from './records/record-rows.ts'
import { RecordTexts } from './records/record-text.ts'
import { RecoveryShares } from './recovery/shares.ts'
import { Rewraps } from './records/rewraps.ts'
import { Uploads } from './records/uploads.ts'
import { Warrants } from './records/warrants.ts'
import { Round } from './round.ts'
import { SessionTable, type Now } from './sessions/index.ts'
import type { Store } from './store.ts'

export class Vault {
  readonly ports: TrustedApplicationPorts
  readonly crypto: Crypto
  readonly compression: CompressionPort | undefined
  readonly store: Store
  #configuration: Configuration
  readonly identityKeys: IdentityKeys
  readonly limits: Limits
  readonly round = new Round()
  readonly patients: Patients
  readonly patientLog: PatientLog
  readonly practitioners: Practitioners
  readonly treatmentKeys: TreatmentKeys
  readonly warrants: Warrants
  readonly emergencies: Emergencies
  readonly index: RecordIndex
  readonly records: RecordRows
  readonly bodies: Bodies
  readonly texts: RecordTexts
  readonly uploads: Uploads
  readonly rewraps: Rewraps
  readonly checkpoints: Checkpoints
  readonly anchor: Anchor
  readonly facts: LedgerFacts
  readonly sessions: SessionTable
  readonly shares: RecoveryShares
  /** What speaks for this server in a handshake. */
  readonly serverIdentity: ServerIdentity

  /** @param shared what recovery shares are made of: the root of the store's keys, 32 bytes, and the program's security version. */
  constructor(
    ports: TrustedApplicationPorts,
    store: Store,
    sealing: SealingKeys,
    configuration: Configuration,
    identityKeys: IdentityKeys,
    limits: Limits,
    shared: { readonly root: Uint8Array; readonly securityVersion: number },
  ) {
    this.ports = ports
    this.crypto = ports.crypto
    this.compression = ports.compression
    this.store = store
    this.#configuration = configuration
    this.identityKeys = identityKeys
    this.limits = limits
    this.patients = new Patients(store, limits.patients)
    this.patientLog = new PatientLog(store, this.patients, limits.unindexed)
    this.practitioners = new Practitioners(store)
    this.treatmentKeys = new TreatmentKeys(store, sealing)
    this.warrants = new Warrants(store, limits.warrants)
    this.emergencies = new Emergencies(store)
    this.index = new RecordIndex(store)
    this.records = new RecordRows(store, this.index, limits)
    this.bodies = new Bodies(store)
    this.texts = new RecordTexts(store)
    this.#restoreIndex()
    this.checkpoints = new Checkpoints(store, identityKeys.current, configuration.logOrigin)
    this.anchor = new Anchor(store, this.checkpoints)
    this.facts = new LedgerFacts(ports.crypto, configuration, limits)
    this.shares = new RecoveryShares(this, shared.root, shared.securityVersion)
    this.uploads = new Uploads(this)
    this.rewraps = new Rewraps(this)
    const { serverRef } = configuration
    this.serverIdentity = {
      ref: serverRef,
      get identityKey() {
        return identityKeys.current
      },
      attest: (nonce) =>
        ports.evidence.attest(nonce, {
          serverRef,
          identityKey: identityKeys.current.publicKey,
          configDigest: this.#configuration.digest,
          nowMs: ports.clock.nowMs(),
        }),
    }
    this.sessions = new SessionTable(ports.crypto, this.serverIdentity, configuration.organizations, limits)
  }

  get configuration(): Configuration {
    return this.#configuration
  }

  /** What signs for this server now. */
  get identity(): SigningKey {
    return this.identityKeys.current
  }

  /** The next one is in force from here on; the caller makes it durable in the same round. */
  reconfigure(next: Configuration): void {
    this.#configuration = next
    this.facts.trust(next.trust)
    this.sessions.reconfigure(next.organizations)
  }

  now(): Now {
    return { monotonicMs: this.ports.clock.monotonicMs(), unixMs: this.ports.clock.nowMs() }
  }

  /** Writes the indexes that are kept in memory for a while: both, so that both reach as far as each other. */
  writeIndexes(): void {
    this.index.write()
    this.patientLog.flush()
  }

  #restoreIndex(): void {
    for (const { record, version } of this.patientLog.storedSince()) {
      const row = this.records.find(record, version)
      if (row === undefined) throw new TypeError('a record of the log has a head')
      const words = row.state === STORED ? this.texts.get(row.id, row.textHash) : undefined
      this.index.restore(row.patient, row.id, words)
    }
  }

  /** Appends an entry and takes notice of whom it is about. @returns its index. */
  log(entry: LogEntry): number {
    const index = this.store.append(entry)
    this.patientLog.note(entry, index)
    return index
  }
}

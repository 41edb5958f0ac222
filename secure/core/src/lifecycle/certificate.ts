/**
 * The server's certificate, without which the ledger does not know it, and the exchange of its identity key: the next
 * one is certified beforehand and signs as soon as the ledger has it. Spec: docs/protocol/02-registration.md §2.10.
 *
 * @module
 */
import { decodeBase64url, equalBytes, parseCertificate } from '../../../../shared/crypto/src/index.ts'
import { checkMember, parseRef, REF_ATTRIBUTE, roleOf } from '../../../../shared/ledger-model/src/index.ts'
import { encodeCbor, type MspId } from '../../../../shared/protocol/src/index.ts'
import { refusalOf, TrustedApplicationError } from '../errors.ts'
import type { Vault } from '../vault.ts'
import type { FailStop } from './fail-stop.ts'

const META = 'certificate'
/** While a next identity key waits for the ledger, it is looked for this often, and less often when that takes long. */
const LOOK_MS = 100
const LOOK_SLOW_MS = 5_000
const LOOK_SLOW_AFTER_MS = 60_000

export class Certificate {
  readonly #vault: Vault
  readonly #failStop: FailStop
  #isInstalled: boolean
  /** Since when the ledger is asked for the next identity key, when next, and whether it is being asked. */
  #look = { sinceMs: 0, atMs: 0, isAsked: false }

  constructor(vault: Vault, failStop: FailStop) {
    this.#vault = vault
    this.#failStop = failStop
    this.#isInstalled = vault.store.findMeta(META) !== undefined
  }

  get isInstalled(): boolean {
    return this.#isInstalled
  }

  /**
   * Takes a certificate of the identity key that is in force. Durable with the round.
   * @param cert DER. @throws {TrustedApplicationError} `CREDENTIAL_REJECTED`
   */
  install(cert: Uint8Array): void {
    const vault = this.#vault
    const mspId = this.#check(cert, vault.identity.publicKey)
    vault.store.setMeta(META, encodeCbor({ mspId, cert }))
    // With the first one recovery begins, and only after that anything is anchored.
    if (this.#isInstalled) this.startAnchoring()
    this.#isInstalled = true
  }

  /** The next identity key, and the signature of this one for the ledger. */
  prepareNext(): { readonly identityKey: Uint8Array; readonly handover: Uint8Array } {
    const { identityKeys, configuration } = this.#vault
    return identityKeys.prepare(configuration.serverRef)
  }

  /**
   * Takes a certificate of the next identity key: from now on the ledger is asked for it.
   * @throws {TrustedApplicationError} `KEY_UNKNOWN`: none was prepared; `CREDENTIAL_REJECTED`
   */
  certifyNext(cert: Uint8Array): void {
    this.#vault.identityKeys.certify((publicKey) => ({ mspId: this.#check(cert, publicKey), cert }))
    const { monotonicMs } = this.#vault.now()
    this.#look = { ...this.#look, sinceMs: monotonicMs, atMs: monotonicMs }
  }

  /** Whether the ledger has the next identity key, from its organisation's list. Call once a round, while serving. */
  lookForNext(): void {
    const { identityKeys, facts, configuration } = this.#vault
    const certified = identityKeys.next?.certified
    const { monotonicMs } = this.#vault.now()
    if (certified === undefined || this.#look.isAsked || monotonicMs < this.#look.atMs) return
    const { sinceMs } = this.#look
    const pauseMs = monotonicMs - sinceMs < LOOK_SLOW_AFTER_MS ? LOOK_MS : LOOK_SLOW_MS
    this.#look = { sinceMs, atMs: monotonicMs + pauseMs, isAsked: true }
    const { mspId } = certified
    const { serverRef } = configuration
    facts.request({ organizations: [mspId], fresh: true }, monotonicMs, (outcome) => {
      this.#look = { ...this.#look, isAsked: false }
      if ('code' in outcome) return
      const found = outcome.facts.findOrganization(mspId)?.participants.find(({ ref }) => ref === serverRef)
      const { next } = identityKeys
      if (found === undefined || next?.certified === undefined) return
      // What a quorum says of another key is no word for this one.
      if (equalBytes(decodeBase64url(found.publicKey), next.publicKey)) this.#failStop.guard(() => this.#takeNext())
    })
  }

  /** From here on the next identity key signs; durable with the round, before it has signed anything. */
  #takeNext(): void {
    const vault = this.#vault
    const { digest, certified } = vault.identityKeys.take()
    vault.store.setMeta(META, encodeCbor({ ...certified }))
    vault.checkpoints.signBy(vault.identity)
    vault.log({ t: 'identity', timeMs: vault.now().unixMs, actor: vault.configuration.serverRef, digest })
    this.startAnchoring()
    // Keys before are believed up to the first checkpoint that the ledger has under this one (§7.17).
    vault.anchor.request(vault.now().monotonicMs)
  }

  /** From here on checkpoints are anchored under the identity key that is in force. */
  startAnchoring(): void {
    const { anchor, identity, configuration } = this.#vault
    // Before it has a certificate the ledger does not know it.
    if (this.#isInstalled) anchor.start({ serverRef: configuration.serverRef, key: identity })
  }

  /**
   * Of that key, from a root of the configuration, as a server, with our reference.
   * @param identityKey 65 bytes. @throws {TrustedApplicationError} `CREDENTIAL_REJECTED`
   */
  #check(cert: Uint8Array, identityKey: Uint8Array): MspId {
    const { crypto, configuration } = this.#vault
    const { attributes, publicKey } = parseCertificate(cert)
    const isOurs =
      equalBytes(publicKey, identityKey) &&
      roleOf({ attributes }) === 'server' &&
      parseRef(attributes[REF_ATTRIBUTE]) === configuration.serverRef
    if (!isOurs) throw new TrustedApplicationError('CREDENTIAL_REJECTED')
    for (const { mspId } of configuration.organizations) {
      try {
        return checkMember(crypto, configuration.organizations, mspId, cert, this.#vault.now().unixMs).mspId
      } catch (error) {
        if (refusalOf(error)?.code !== 'LEDGER_IDENTITY_REJECTED') throw error
      }
    }
    throw new TrustedApplicationError('CREDENTIAL_REJECTED')
  }
}

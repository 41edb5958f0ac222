/**
 * The hospital's own certificates while its service runs: the service's and its administrator's. They are renewed with
 * the same keys long before they end, so nobody stops the service for it; what holds one of the identities here has the
 * certificate of now. Spec: docs/protocol/02-registration.md §2.9.
 *
 * Limits: the root is not renewed here. It lasts ten years; another one comes with a configuration of the ledger (§7.4).
 *
 * @module
 */
import type { Ledger, LedgerIdentity } from '../../ledger/client/src/index.ts'
import type { Identity } from '../../clients/sdk/src/identity.ts'
import { equalBytes, type Crypto } from '../../shared/crypto/src/index.ts'
import { participantRecordShape, parseResult } from '../../shared/ledger-model/src/index.ts'
import type { MspId } from '../../shared/protocol/src/index.ts'
import { ledgerWriterOf } from './ledger-writer.ts'
import { openOrganization, type Administrator, type Organization } from './organization.ts'
import { openServiceIdentity, registrationOf, type ServiceIdentity } from './service-identity.ts'

const LOOK_EVERY_MS = 3_600_000

export interface CertificateOptions {
  readonly crypto: Crypto
  /** The hospital's own folder. */
  readonly folder: string
  readonly name: string
  readonly mspId: MspId
  readonly nowMs: () => number
}

export class OwnCertificates {
  /** Certificate and chain are those of now. */
  readonly service: ServiceIdentity
  readonly serviceOnLedger: LedgerIdentity
  readonly admin: Administrator
  readonly authority: Organization['authority']
  readonly #options: CertificateOptions
  #organization: Organization
  #current: ServiceIdentity
  #renewing: Promise<boolean> | undefined

  private constructor(options: CertificateOptions, organization: Organization, current: ServiceIdentity) {
    this.#options = options
    this.#organization = organization
    this.#current = current
    this.authority = organization.authority
    const credential = () => this.#current.identity.credential
    const chain = () => this.#current.chain
    const adminCertificate = () => this.#organization.admin.cert
    const { name, ref, keys } = current
    const { kind, mspId, signer, sealKey } = current.identity
    const identity: Identity = {
      kind,
      ref,
      mspId,
      signer,
      sealKey,
      get credential() {
        return credential()
      },
    }
    this.service = {
      name,
      ref,
      keys,
      identity,
      get chain() {
        return chain()
      },
    }
    this.serviceOnLedger = {
      mspId: options.mspId,
      signingKey: keys.signingKey,
      get cert() {
        return chain()[0] as Uint8Array
      },
    }
    this.admin = {
      mspId: options.mspId,
      signingKey: organization.admin.signingKey,
      get cert() {
        return adminCertificate()
      },
    }
  }

  /** Opens the keys in the folder, or makes them; renews what is about to end. */
  static async open(options: CertificateOptions): Promise<OwnCertificates> {
    const { folder, name, crypto, mspId, nowMs } = options
    const organization = await openOrganization(folder, { crypto, mspId, nowMs })
    const service = await openServiceIdentity(folder, name, organization, crypto, nowMs)
    return new OwnCertificates(options, organization, service)
  }

  /** On the ledger before the first request; again after the certificate was renewed. */
  async register(ledger: Ledger): Promise<void> {
    const registration = registrationOf(this.#current)
    const writer = ledgerWriterOf(ledger, this.admin)
    const known = await findSerial(ledger, registration.ref)
    if (known === undefined) await writer.submit('registerParticipant', [JSON.stringify(registration)])
    else if (known !== registration.certSerial) {
      await writer.submit('renewParticipant', [JSON.stringify(registration)])
    }
  }

  /**
   * Renews what is about to end. The ledger learns of a certificate before anybody sees it; one that was kept and not
   * registered is registered at the next call.
   * @returns whether the service has another certificate now.
   * @throws {ProtocolError | LedgerError} the old one serves while it lasts.
   */
  async renew(ledger: Ledger): Promise<boolean> {
    this.#renewing ??= this.#renew(ledger).finally(() => (this.#renewing = undefined))
    return await this.#renewing
  }

  async #renew(ledger: Ledger): Promise<boolean> {
    const { folder, name, crypto, mspId, nowMs } = this.#options
    this.#organization = await openOrganization(folder, { crypto, mspId, nowMs })
    const next = await openServiceIdentity(folder, name, this.#organization, crypto, nowMs)
    if (equalBytes(leafOf(next), leafOf(this.#current))) return false
    const writer = ledgerWriterOf(ledger, this.admin)
    await writer.submit('renewParticipant', [JSON.stringify(registrationOf(next))])
    this.#current = next
    return true
  }

  /** Looks every hour. @returns a function that ends it. */
  keep(ledger: Ledger, onFault: (error: unknown) => void): () => void {
    const timer = setInterval(() => void this.renew(ledger).catch(onFault), LOOK_EVERY_MS)
    return () => clearInterval(timer)
  }
}

function leafOf({ chain }: ServiceIdentity): Uint8Array {
  return chain[0] as Uint8Array
}

async function findSerial(ledger: Ledger, ref: string): Promise<string | undefined> {
  try {
    return parseResult(await ledger.query({ fn: 'participant', args: [ref] }), participantRecordShape).certSerial
  } catch (error) {
    if ((error as { code?: unknown }).code === 'PARTICIPANT_UNKNOWN') return undefined
    throw error
  }
}

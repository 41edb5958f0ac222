/**
 * Registration: an invitation code and a key made on the participant's own device become a patient or practitioner of
 * this hospital. The ledger comes first, then the hospital's store; the trusted application is told in the background
 * and again after every start until it has answered. Spec: docs/protocol/02-registration.md.
 *
 * @module
 */
import {
  concat,
  decodeBase64url,
  encodeBase64url,
  encodeUtf8,
  label,
  parseCertificate,
  type Crypto,
} from '../../shared/crypto/src/index.ts'
import {
  issueCredential,
  kidOf,
  newRef,
  ProtocolError,
  type HospitalRef,
  type MspId,
  type PatientRef,
  type PractitionerRef,
} from '../../shared/protocol/src/index.ts'
import type {
  ParticipantRegistration,
  PatientKey,
  PatientRegistrationInput,
} from '../../shared/ledger-model/src/index.ts'
import type { SigningKey } from '../../shared/crypto/src/index.ts'
import type { HospitalDatabase } from './database.ts'
import type { CertificateIssuer, LedgerWriter, RecordServer } from './ports.ts'
import type { InvitationDetails, Registry } from './registry.ts'
import type { SealedTreatmentKey, TreatmentKeys } from './treatment-keys.ts'

const CREDENTIAL_LIFETIME_S = 366 * 86_400
/** Clients ask when 30 days are left; clocks differ. */
const RENEW_BEFORE_MS = 31 * 86_400_000
const REGISTRATION = label('registration')

/** The hospital as it signs and presents itself. */
export interface HospitalIdentity {
  readonly ref: HospitalRef
  readonly name: string
  readonly mspId: MspId
  readonly signingKey: SigningKey
  /** DER, leaf first, without root. */
  readonly chain: readonly Uint8Array[]
}

export interface RegistrationRequest {
  readonly code: string
  /** b64u, 65 bytes. */
  readonly publicKey: string
  /** b64u, 32 bytes. */
  readonly sealKey: string
  /** Name of the device. */
  readonly label: string
  /** b64u, 64 bytes: the new key's signature over `registrationProofInput`. */
  readonly proof: string
}

export interface PatientRegistered {
  readonly kind: 'patient'
  readonly ref: PatientRef
  readonly credential: string
  readonly treatmentKeys: readonly SealedTreatmentKey[]
}

export interface PractitionerRegistered {
  readonly kind: 'practitioner'
  readonly ref: PractitionerRef
  /** DER, leaf first, without root. */
  readonly chain: readonly Uint8Array[]
}

export interface RegistrationParts {
  readonly crypto: Crypto
  readonly db: HospitalDatabase
  readonly registry: Registry
  readonly keys: TreatmentKeys
  readonly hospital: HospitalIdentity
  /** Writes as the hospital's service. */
  readonly ledger: LedgerWriter
  /** Writes as an administrator of the organisation. */
  readonly adminLedger: LedgerWriter
  readonly issuer: CertificateIssuer
  readonly recordServer: RecordServer
  /** Every key of a patient on the ledger. */
  readonly patientKeys: (patient: PatientRef) => Promise<readonly PatientKey[]>
  /** Somebody who is active on the ledger. */
  readonly findParticipant: (ref: string) => Promise<{ readonly certSerial: string } | undefined>
  /** Certificates of this organisation that were revoked. */
  readonly revokedSerials: () => Promise<readonly string[]>
}

/** What the new key signs: possession is proven, and the code cannot be used for another key on the way. */
export function registrationProofInput(code: string, publicKey: Uint8Array, sealKey: Uint8Array): Uint8Array {
  return concat(REGISTRATION, publicKey, sealKey, encodeUtf8(code))
}

/** The key of a request whose sender has it. @throws {ProtocolError} `REQUEST_REJECTED` */
export function checkRegistrationProof(crypto: Crypto, request: RegistrationRequest): Uint8Array {
  const publicKey = decodeBase64url(request.publicKey)
  const proofInput = registrationProofInput(request.code, publicKey, decodeBase64url(request.sealKey))
  if (crypto.verify(crypto.importVerifyingKey(publicKey), proofInput, decodeBase64url(request.proof))) return publicKey
  throw new ProtocolError('REQUEST_REJECTED', 'the key was not proven')
}

export class Registrations {
  readonly #parts: RegistrationParts
  readonly #underWay = new Set<string>()

  constructor(parts: RegistrationParts) {
    this.#parts = parts
  }

  /** @throws {ProtocolError} `INVITATION_UNKNOWN`, `REQUEST_REJECTED` for a wrong proof, ledger codes. */
  async register(request: RegistrationRequest, nowMs: number): Promise<PatientRegistered | PractitionerRegistered> {
    const { crypto, registry } = this.#parts
    const publicKey = checkRegistrationProof(crypto, request)
    const sealKey = decodeBase64url(request.sealKey)
    const { kind, details } = registry.findInvitation(request.code, nowMs)
    // Two requests with one code: the ledger would register both before the code is used up.
    if (this.#underWay.has(request.code) || kind === 'staff') throw unknownCode()
    this.#underWay.add(request.code)
    try {
      const registered = await this.#register(kind, request, publicKey, sealKey, details, nowMs)
      await this.provisionWaiting()
      return registered
    } finally {
      this.#underWay.delete(request.code)
    }
  }

  async #register(
    kind: 'patient' | 'practitioner' | 'rekey',
    request: RegistrationRequest,
    publicKey: Uint8Array,
    sealKey: Uint8Array,
    details: InvitationDetails,
    nowMs: number,
  ): Promise<PatientRegistered | PractitionerRegistered> {
    if (kind === 'practitioner') return await this.#registerPractitioner(request, publicKey, details, nowMs)
    if (kind === 'rekey' && details.practitioner !== undefined) {
      return await this.#rekeyPractitioner(request, publicKey, details.practitioner)
    }
    if (kind === 'rekey') return await this.#rekeyPatient(request, publicKey, sealKey, details, nowMs)
    return await this.#registerPatient(request, publicKey, sealKey, details, nowMs)
  }

  /** A new credential for a key of a patient that is active on the ledger; the caller has checked that. */
  credentialFor(patient: PatientRef, publicKey: Uint8Array, sealKey: Uint8Array, nowMs: number): string {
    const { crypto, hospital } = this.#parts
    const iat = Math.floor(nowMs / 1000)
    return issueCredential(crypto, hospital.signingKey, hospital.chain, {
      iss: hospital.ref,
      sub: patient,
      publicKey: encodeBase64url(publicKey),
      sealKey: encodeBase64url(sealKey),
      iat,
      exp: iat + CREDENTIAL_LIFETIME_S,
    })
  }

  /**
   * A doctor's certificate for the same key: the one that is there while it lasts for long, else a new one, which the
   * ledger learns before the doctor. One that was revoked is not replaced here: that is for an administrator.
   * @throws {ProtocolError | LedgerError} `PARTICIPANT_UNKNOWN`, `PARTICIPANT_SUSPENDED`
   */
  async certificateFor(ref: PractitionerRef, nowMs: number): Promise<readonly Uint8Array[]> {
    const { registry, adminLedger, issuer, findParticipant, revokedSerials } = this.#parts
    const known = registry.findPractitioner(ref)
    if (known === undefined) throw new ProtocolError('PARTICIPANT_UNKNOWN', 'no such doctor')
    const current = known.chain.map(decodeBase64url)
    const [leaf] = current
    if (leaf !== undefined && parseCertificate(leaf).notAfterMs - nowMs > RENEW_BEFORE_MS) return current
    const participant = await findParticipant(ref)
    if (participant === undefined || (await revokedSerials()).includes(participant.certSerial)) {
      throw new ProtocolError('PARTICIPANT_SUSPENDED', 'the doctor is not active on the ledger')
    }
    const publicKey = decodeBase64url(known.publicKey)
    const { chain, serialHex } = await issuer.issue({ role: 'doctor', ref, publicKey, emergency: known.emergency })
    const registration = doctorRegistration(ref, known, serialHex)
    await adminLedger.submit('renewParticipant', [JSON.stringify(registration)])
    registry.replaceChain(ref, chain.map(encodeBase64url))
    return chain
  }

  /**
   * Tells the trusted application everything it does not know yet. Failures stay waiting.
   * @returns how many still wait.
   */
  async provisionWaiting(): Promise<number> {
    const { registry, recordServer } = this.#parts
    let waiting = 0
    for (const one of registry.practitioners().filter(({ provisioned }) => !provisioned)) {
      const done = await succeeds(() => recordServer.provisionPractitioner(one))
      if (done) registry.markPractitionerProvisioned(one.ref)
      else waiting++
    }
    for (const patient of registry.patientsToProvision()) {
      const done = await succeeds(() => this.#provisionPatient(patient))
      if (!done) waiting++
    }
    return waiting
  }

  async #registerPatient(
    request: RegistrationRequest,
    publicKey: Uint8Array,
    sealKey: Uint8Array,
    details: InvitationDetails,
    nowMs: number,
  ): Promise<PatientRegistered> {
    const { crypto, db, registry, keys, ledger } = this.#parts
    const ref = newRef(crypto, 'p')
    const { publicKey: publicText, sealKey: sealText, label: device } = request
    const registration: PatientRegistrationInput = {
      ref,
      kind: 'patient',
      keys: [
        { kid: kidOf(crypto, publicKey), publicKey: publicText, sealKey: sealText, label: device, kind: 'device' },
      ],
    }
    await ledger.submit('registerParticipant', [JSON.stringify(registration)])
    db.transaction(() => {
      registry.markUsed(request.code, ref)
      registry.addPatient({ ref, name: details.name, details, registeredMs: nowMs })
      keys.makeNext(ref, nowMs)
    })()
    return {
      kind: 'patient',
      ref,
      credential: this.credentialFor(ref, publicKey, sealKey, nowMs),
      treatmentKeys: keys.sealAll(ref, ref, sealKey),
    }
  }

  /** The first version, then one after the other: the trusted application takes no version without those before. */
  async #provisionPatient(ref: PatientRef): Promise<void> {
    const { registry, keys, recordServer } = this.#parts
    const patient = registry.findPatient(ref)
    const newest = keys.newest(ref).version
    for (let version = (patient?.provisionedVersion ?? 0) + 1; version <= newest; version++) {
      const ptk = keys.raw(ref, version)
      if (version === 1) await recordServer.provisionPatient(ref, version, ptk, patient?.name ?? '')
      else await recordServer.rekeyPatient(ref, version, ptk)
      registry.markPatientProvisioned(ref, version)
    }
  }

  /** A new key after an identity check; the keys that were there end, and so does what they could be given. */
  async #rekeyPatient(
    request: RegistrationRequest,
    publicKey: Uint8Array,
    sealKey: Uint8Array,
    { patient }: InvitationDetails,
    nowMs: number,
  ): Promise<PatientRegistered> {
    const { crypto, db, registry, keys, ledger, hospital, patientKeys } = this.#parts
    if (patient === undefined) throw unknownCode()
    const { publicKey: publicText, sealKey: sealText, label: device } = request
    const kid = kidOf(crypto, publicKey)
    const remove = (await patientKeys(patient)).filter((key) => key.removedMs === null).map((key) => key.kid)
    // After a lost answer the key is there already.
    if (!remove.includes(kid)) {
      const key = { kid, publicKey: publicText, sealKey: sealText, label: device, kind: 'device', remove }
      await ledger.submit('rekeyPatient', [patient, JSON.stringify(key), hospital.ref])
    }
    db.transaction(() => {
      registry.markUsed(request.code, patient)
      keys.makeNext(patient, nowMs)
    })()
    return {
      kind: 'patient',
      ref: patient,
      credential: this.credentialFor(patient, publicKey, sealKey, nowMs),
      treatmentKeys: keys.sealAll(patient, patient, sealKey),
    }
  }

  /**
   * A new certificate for a doctor who lost the key, after an identity check. The old certificate is revoked first: should
   * this end in the middle, nobody holds a key that is good, and the code can be used again.
   */
  async #rekeyPractitioner(
    request: RegistrationRequest,
    publicKey: Uint8Array,
    ref: PractitionerRef,
  ): Promise<PractitionerRegistered> {
    const { db, registry, adminLedger, issuer, findParticipant } = this.#parts
    const known = registry.findPractitioner(ref)
    if (known === undefined) throw unknownCode()
    const participant = await findParticipant(ref)
    if (participant === undefined) throw new ProtocolError('PARTICIPANT_SUSPENDED', 'the doctor is not active')
    await adminLedger.submit('revokeCertificate', [participant.certSerial, 'key-lost'])
    const { publicKey: publicText, sealKey } = request
    const { emergency } = known
    const { chain, serialHex } = await issuer.issue({ role: 'doctor', ref, publicKey, emergency })
    const registration = doctorRegistration(ref, { publicKey: publicText, sealKey, emergency }, serialHex)
    await adminLedger.submit('renewParticipant', [JSON.stringify(registration)])
    db.transaction(() => {
      registry.markUsed(request.code, ref)
      registry.replaceKeys(ref, { publicKey: publicText, sealKey, chain: chain.map(encodeBase64url) })
    })()
    return { kind: 'practitioner', ref, chain }
  }

  async #registerPractitioner(
    request: RegistrationRequest,
    publicKey: Uint8Array,
    details: InvitationDetails,
    nowMs: number,
  ): Promise<PractitionerRegistered> {
    const { crypto, db, registry, adminLedger, issuer } = this.#parts
    const ref = newRef(crypto, 'd')
    const emergency = details.emergency === true
    const { chain, serialHex } = await issuer.issue({ role: 'doctor', ref, publicKey, emergency })
    const registration = doctorRegistration(ref, { ...request, emergency }, serialHex)
    await adminLedger.submit('registerParticipant', [JSON.stringify(registration)])
    db.transaction(() => {
      registry.markUsed(request.code, ref)
      registry.addPractitioner({
        ref,
        name: details.name,
        department: details.department ?? 'General',
        emergency,
        publicKey: request.publicKey,
        sealKey: request.sealKey,
        chain: chain.map(encodeBase64url),
        registeredMs: nowMs,
      })
    })()
    return { kind: 'practitioner', ref, chain }
  }
}

function doctorRegistration(
  ref: PractitionerRef,
  one: { readonly publicKey: string; readonly sealKey: string; readonly emergency: boolean },
  certSerial: string,
): ParticipantRegistration {
  const { publicKey, sealKey, emergency } = one
  const attributes = emergency ? { 'trusthealth.emergency': 'true' } : {}
  return { ref, kind: 'doctor', publicKey, sealKey, certSerial, attributes }
}

function unknownCode(): ProtocolError {
  return new ProtocolError('INVITATION_UNKNOWN', 'the registration code is wrong, used or ended')
}

async function succeeds(work: () => Promise<void>): Promise<boolean> {
  try {
    await work()
    return true
  } catch {
    return false
  }
}

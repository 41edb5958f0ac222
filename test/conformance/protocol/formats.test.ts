/**
 * Old vectors keep passing for ever: a file here changes only if it was wrong about the spec.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import * as cborg from 'cborg'
import * as jose from 'jose'
import {
  decodeHex,
  decodeUtf8,
  encodeHex,
  encodeUtf8,
  pointToJwk,
  type Crypto,
  type VerifyingKey,
} from '../../../shared/crypto/src/index.ts'
import {
  type AuthorRef,
  batchSigningInput,
  type CborValue,
  checkChain,
  checkCredential,
  commitmentFromJson,
  commitmentLeaf,
  commitmentOfReceipt,
  commitmentToJson,
  decodeCbor,
  decodeChainUpload,
  decodeRecordUpload,
  deriveTreatmentKey,
  encodeCbor,
  encodeChainUpload,
  encodeCommitment,
  encodeRecordUpload,
  type HospitalRef,
  kidOf,
  makeCommitment,
  openEnvelope,
  openTreatmentKey,
  parseCredential,
  type ParticipantRef,
  type PatientRef,
  type PatientSigner,
  peekEnvelope,
  prepareLink,
  prepareStatement,
  sealEnvelope,
  sealTreatmentKey,
  type ServerRef,
  verifyCommitments,
  verifyEvidence,
  verifyGrant,
  verifyKeyStatement,
  verifyReceipt,
  verifyRevocation,
  verifyWarrant,
  verifyWarrantRecord,
  warrantHash,
} from '../../../shared/protocol/src/index.ts'
import { node, portable } from '../crypto-vectors.ts'
import { VECTOR_FILES } from './make-vectors.ts'
import type { PartiesVector, PartyName } from './vector-parties.ts'
import type {
  BatchVectors,
  CborVectors,
  ChainVectors,
  CommitmentVectors,
  CredentialVectors,
  DeliveryVectors,
  EnvelopeVectors,
  EvidenceVectors,
  ReceiptVectors,
  StatementVectors,
  WarrantVectors,
} from './vector-types.ts'

const { parties, ptk } = load<PartiesVector>('parties.json')
const patientRef = parties.patient.ref as PatientRef

/** Refusals of ours have a code; anything else would be a fault. */
const REFUSED = (error: unknown): boolean => {
  const { name } = error as Error
  return name === 'ProtocolError'
}

for (const crypto of [node, portable]) {
  const it = (title: string, run: () => void): void => void test(`${title} (${crypto.name})`, run)

  it('CBOR', () => {
    const vectors = load<CborVectors>('cbor.json')
    for (const { value, encoded, name } of vectors.valid) {
      assert.deepEqual(decodeCbor(decodeHex(encoded)), untagged(value), name)
      assert.equal(encodeHex(encodeCbor(untagged(value))), encoded, name)
    }
    for (const { encoded, name } of vectors.refused) {
      assert.throws(() => decodeCbor(decodeHex(encoded)), { code: 'CBOR_MALFORMED' }, name)
    }
  })

  const signer: PatientSigner = { patient: patientRef, patientKeys: keysOf(crypto, 'patient') }
  statements('warrant.json', (jws) => verifyWarrant(crypto, jws, signer))
  statements('warrant-record.json', (jws) => verifyWarrantRecord(crypto, jws, signer))
  statements('grant.json', (jws) => verifyGrant(crypto, jws, signer))
  statements('grant-except.json', (jws) => verifyGrant(crypto, jws, signer))
  statements('revocation.json', (jws) => verifyRevocation(crypto, jws, signer))
  statements('key-statement.json', (jws) => verifyKeyStatement(crypto, jws, signer))

  function statements(file: string, verify: (jws: string) => object): void {
    it(file, () => {
      const vectors = load<StatementVectors>(file)
      assert.ok(vectors.valid.length > 0 && vectors.refused.length > 0)
      for (const { jws, payload, name } of vectors.valid) {
        assert.deepEqual(verify(jws), payload, name)
        assert.equal(signingInputOf(kidOf(crypto, keyOf(crypto, 'patient').publicKey), vectors.typ, payload), head(jws))
      }
      for (const { jws, name } of vectors.refused) assert.throws(() => verify(jws), REFUSED, name)
    })
  }

  it('warrant hashes', () => {
    const { valid, hashes } = load<WarrantVectors>('warrant.json')
    assert.deepEqual(
      valid.map(({ jws }) => encodeHex(warrantHash(crypto, jws))),
      hashes,
    )
  })

  it('receipts', () => {
    const vectors = load<ReceiptVectors>('receipt.json')
    const check = { server: parties.server.ref as ServerRef, key: verifyingKeyOf(crypto, 'server') }
    for (const { jws, payload, name } of vectors.valid) {
      const commitment = commitmentOfReceipt(payload)
      assert.deepEqual(verifyReceipt(crypto, jws, { ...check, commitment }), payload, name)
      assert.equal(signingInputOf(kidOf(crypto, check.key.publicKey), vectors.typ, payload), head(jws))
    }
    for (const { jws, name } of vectors.refused) {
      assert.throws(() => verifyReceipt(crypto, jws, check), { code: 'RECEIPT_INVALID' }, name)
    }
  })

  it('credentials', () => {
    const vectors = load<CredentialVectors>('credential.json')
    const publicKey = keyOf(crypto, 'hospital').publicKey
    const issuer = { hospital: parties.hospital.ref as HospitalRef, publicKey }
    for (const { jws, payload, name } of vectors.valid) {
      const statement = parseCredential(jws)
      assert.deepEqual(statement.payload, payload, name)
      assert.deepEqual(statement.header.x5c?.map(encodeHex), vectors.chain)
      const checked = checkCredential(crypto, statement, issuer, vectors.nowMs)
      assert.deepEqual(checked.key.publicKey, keyOf(crypto, 'patient').publicKey)
      const chain = vectors.chain.map(decodeHex)
      assert.equal(signingInputOf(kidOf(crypto, publicKey), vectors.typ, payload, chain), head(jws))
    }
    for (const { jws, name } of vectors.refused) {
      const check = () => checkCredential(crypto, parseCredential(jws), issuer, vectors.nowMs)
      assert.throws(check, { code: 'CREDENTIAL_REJECTED' }, name)
    }
  })

  it('commitments', () => {
    const vectors = load<CommitmentVectors>('commitment.json')
    const treatmentKey = deriveTreatmentKey(crypto, decodeHex(ptk), 1)
    for (const { ehr, salt, json, encoded, leaf } of vectors.items) {
      const commitment = commitmentFromJson(json)
      assert.deepEqual(commitmentToJson(commitment), json)
      assert.equal(encodeHex(encodeCommitment(commitment)), encoded)
      assert.equal(encodeHex(commitmentLeaf(crypto, commitment)), leaf)
      const made = makeCommitment(crypto, treatmentKey, {
        ...commitment,
        patient: patientRef,
        author: vectors.author as AuthorRef,
        ehr: decodeHex(ehr),
        salt: decodeHex(salt),
      })
      assert.deepEqual(made, commitment)
    }
  })

  it('batch signatures', () => {
    const vectors = load<BatchVectors>('batch-signature.json')
    const author = vectors.author as AuthorRef
    const key = verifyingKeyOf(crypto, 'doctor')
    for (const { items, signingInput, signature, name } of vectors.valid) {
      const commitments = items.map(commitmentFromJson)
      assert.equal(encodeHex(batchSigningInput(crypto, author, commitments)), signingInput)
      assert.ok(verifyCommitments(crypto, key, author, commitments, decodeHex(signature)), name)
      assert.ok(
        !verifyCommitments(crypto, key, parties.secondDoctor.ref as AuthorRef, commitments, decodeHex(signature)),
      )
    }
    for (const { items, signature, name } of vectors.refused) {
      assert.ok(!verifyCommitments(crypto, key, author, items.map(commitmentFromJson), decodeHex(signature)), name)
    }
  })

  it('envelopes', () => {
    const vectors = load<EnvelopeVectors>('envelope.json')
    const treatmentKey = deriveTreatmentKey(crypto, decodeHex(ptk), vectors.version)
    for (const { kind, draws, plaintext, envelope } of vectors.valid) {
      const bytes = decodeHex(envelope)
      assert.deepEqual(peekEnvelope(bytes), { kind, patient: patientRef, version: vectors.version })
      assert.equal(encodeHex(openEnvelope(crypto, treatmentKey, patientRef, kind, bytes)), plaintext, kind)
      const left = draws.map(decodeHex)
      const taped: Crypto = { ...crypto, randomBytes: () => left.shift()!.slice() }
      assert.equal(encodeHex(sealEnvelope(taped, treatmentKey, patientRef, kind, decodeHex(plaintext))), envelope, kind)
    }
    for (const { kind, envelope, name } of vectors.refused) {
      const open = () => openEnvelope(crypto, treatmentKey, patientRef, kind, decodeHex(envelope))
      assert.throws(open, { code: 'ENVELOPE_REJECTED' }, name)
    }
    const record = decodeHex(vectors.valid.find(({ kind }) => kind === 'record')!.plaintext)
    assert.deepEqual(encodeRecordUpload(decodeRecordUpload(record)), record)
  })

  it('treatment keys', () => {
    const vectors = load<DeliveryVectors>('treatment-key.json')
    const key = deriveTreatmentKey(crypto, decodeHex(ptk), vectors.version)
    const probe = encodeUtf8('probe')
    assert.equal(encodeHex(crypto.hmac(key.tagKey, probe)), vectors.tagOfProbe)
    const wrapped = crypto.encrypt(key.wrapKey, new Uint8Array(12), new Uint8Array(0), probe)
    assert.equal(encodeHex(wrapped), vectors.wrapOfProbe)
    const patient = vectors.patient as PatientRef
    for (const { recipient, sealKey, ephemeralKey, sealed } of vectors.valid) {
      const agreement = crypto.importAgreementKey(decodeHex(sealKey))
      const ref = recipient as ParticipantRef
      assert.equal(encodeHex(openTreatmentKey(crypto, agreement, decodeHex(sealed), patient, 1, ref)), ptk)
      const fixed: Crypto = {
        ...crypto,
        generateAgreementKey: () => crypto.importAgreementKey(decodeHex(ephemeralKey)),
      }
      const delivery = { patient, version: vectors.version, ptk: decodeHex(ptk) }
      assert.equal(encodeHex(sealTreatmentKey(fixed, delivery, ref, agreement.publicKey)), sealed)
    }
    for (const { recipient, sealKey, sealed, version, name } of vectors.refused) {
      const agreement = crypto.importAgreementKey(decodeHex(sealKey))
      const open = () =>
        openTreatmentKey(crypto, agreement, decodeHex(sealed), patient, version, recipient as ParticipantRef)
      assert.throws(open, { code: 'ENVELOPE_REJECTED' }, name)
    }
  })

  it('chains', () => {
    const vectors = load<ChainVectors>('chain.json')
    const doctors = ['doctor', 'secondDoctor', 'thirdDoctor'] as const
    const check = {
      ...signer,
      treatmentKey: deriveTreatmentKey(crypto, decodeHex(ptk), 1),
      doctorKeys: new Map(doctors.map((name) => [parties[name].ref, verifyingKeyOf(crypto, name)])),
      ehrTypeOf: () => 'other',
      nowMs: vectors.nowMs,
    }
    const chain = decodeChainUpload(decodeHex(vectors.plaintext))
    assert.equal(encodeHex(encodeChainUpload(chain)), vectors.plaintext)
    assert.equal(checkChain(crypto, chain, check).length, 3)
    for (const [i, signingInput] of vectors.signingInputs.entries()) {
      const before = { ...chain, links: chain.links.slice(0, i) }
      assert.equal(encodeHex(prepareLink(crypto, before, check, chain.links[i]!).signingInput), signingInput)
    }
    for (const { plaintext, code, link, name } of vectors.refused) {
      const bad = decodeChainUpload(decodeHex(plaintext))
      assert.throws(() => checkChain(crypto, bad, check), { code, link }, name)
    }
  })

  it('evidence', () => {
    const verify = ({ jws, nonce, registration, policy }: EvidenceVectors['valid'][number]) =>
      verifyEvidence(crypto, jws, {
        expectedNonce: decodeHex(nonce),
        registration: {
          ...registration,
          serverRef: registration.serverRef as ServerRef,
          identityKey: decodeHex(registration.identityKey),
          attestationKeys: registration.attestationKeys.map(decodeHex),
        },
        policy,
      })
    for (const file of ['evidence.json', 'evidence-optee.json', 'evidence-optee-recorded.json']) {
      const vectors = load<EvidenceVectors>(file)
      assert.ok(vectors.valid.length > 0)
      for (const one of vectors.valid) assert.equal(verify(one).serverRef, one.registration.serverRef, one.name)
      for (const one of vectors.refused) assert.throws(() => verify(one), { code: one.code }, one.name)
    }
  })
}

test('jose verifies every valid statement', async () => {
  const signers = {
    'warrant.json': 'patient',
    'warrant-record.json': 'patient',
    'grant.json': 'patient',
    'revocation.json': 'patient',
    'key-statement.json': 'patient',
    'receipt.json': 'server',
    'credential.json': 'hospital',
  } as const
  for (const [file, name] of Object.entries(signers)) {
    const { valid, typ } = load<StatementVectors>(file)
    const key = await jose.importJWK(pointToJwk(keyOf(node, name).publicKey), 'ES256')
    for (const { jws, payload } of valid) {
      const verified = await jose.compactVerify(jws, key, { algorithms: ['ES256'] })
      assert.equal(verified.protectedHeader.typ, typ)
      assert.deepEqual(JSON.parse(decodeUtf8(verified.payload)), payload)
    }
  }
})

test('cborg reads and writes every valid message alike', () => {
  for (const { encoded, value } of load<CborVectors>('cbor.json').valid) {
    assert.deepEqual(cborg.decode(decodeHex(encoded), { strict: true }), untagged(value))
    assert.equal(encodeHex(cborg.encode(untagged(value), cborg.rfc8949EncodeOptions)), encoded)
  }
})

test('the script still makes every file as it is, to the byte', () => {
  for (const [file, make] of Object.entries(VECTOR_FILES)) {
    assert.equal(`${JSON.stringify(make(), undefined, 2)}\n`, read(file), file)
  }
})

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller names the shape it then tests
function load<T>(file: string): T {
  return JSON.parse(read(file)) as T
}

function read(file: string): string {
  return readFileSync(new URL(file, import.meta.url), 'utf8')
}

function keyOf(crypto: Crypto, name: PartyName) {
  return crypto.importSigningKey(decodeHex(parties[name].key))
}

function verifyingKeyOf(crypto: Crypto, name: PartyName): VerifyingKey {
  return crypto.importVerifyingKey(keyOf(crypto, name).publicKey)
}

function keysOf(crypto: Crypto, name: PartyName): ReadonlyMap<string, VerifyingKey> {
  const key = verifyingKeyOf(crypto, name)
  return new Map([[kidOf(crypto, key.publicKey), key]])
}

/** Header and payload of a JWS. */
function head(jws: string): string {
  return jws.slice(0, jws.lastIndexOf('.'))
}

function signingInputOf(...args: Parameters<typeof prepareStatement>): string {
  return decodeUtf8(prepareStatement(...args).signingInput)
}

function untagged(value: unknown): CborValue {
  if (Array.isArray(value)) return value.map(untagged)
  if (typeof value !== 'object' || value === null) return value as CborValue
  const object = value as Readonly<Record<string, unknown>>
  if (typeof object['bytes'] === 'string') return decodeHex(object['bytes'])
  return Object.fromEntries(Object.entries(object).map(([key, member]) => [key, untagged(member)]))
}

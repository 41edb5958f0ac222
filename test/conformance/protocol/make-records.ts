/**
 * Vectors of treatment keys, envelopes, commitments and chains: docs/protocol/02-registration.md §2.4,
 * 03-envelopes-and-warrants.md §3.1, 04-records.md.
 *
 * @module
 */
import { concat, decodeHex, encodeHex, encodeUtf8, type Crypto } from '../../../shared/crypto/src/index.ts'
import {
  addLink,
  batchSigningInput,
  commitmentLeaf,
  commitmentToJson,
  deriveTreatmentKey,
  encodeCbor,
  encodeChainUpload,
  encodeCommitment,
  encodeRecordUpload,
  issueWarrant,
  makeCommitment,
  newRecordId,
  openTreatmentKey,
  prepareLink,
  sealEnvelope,
  sealTreatmentKey,
  signCommitments,
  startChain,
  warrantHash,
  type Chain,
  type Commitment,
  type PatientRef,
  type PractitionerRef,
  type UnsignedChainLink,
} from '../../../shared/protocol/src/index.ts'
import { warrantOf } from './make-statements.ts'
import { deterministicCrypto, NOW_SECONDS, parties, party } from './vector-parties.ts'
import type { BatchVectors, ChainVectors, CommitmentVectors, DeliveryVectors, EnvelopeVectors } from './vector-types.ts'

function recordOf(crypto: Crypto, ehr: string) {
  const warrant = warrantOf(crypto)
  const jws = issueWarrant(crypto, party(crypto, 'patient').key, warrant)
  const recordId = newRecordId(crypto, NOW_SECONDS * 1_000)
  return { recordId, ehr: encodeUtf8(ehr), salt: crypto.randomBytes(32), warrant: jws }
}

/** Two versions of one record by the doctor. */
export function commitmentsOf(crypto: Crypto) {
  const treatmentKey = deriveTreatmentKey(crypto, decodeHex(parties.ptk), 1)
  const patient = parties.parties.patient.ref as PatientRef
  const author = parties.parties.doctor.ref as PractitionerRef
  const record = recordOf(crypto, '{"resourceType":"Basic","id":"1"}')
  const hash = warrantHash(crypto, record.warrant)
  const first = makeCommitment(crypto, treatmentKey, { ...record, version: 1, patient, author, warrantHash: hash })
  const corrected = encodeUtf8('{"resourceType":"Basic","id":"1","language":"de"}')
  const salt = crypto.randomBytes(32)
  const second = makeCommitment(crypto, treatmentKey, {
    ...record,
    ehr: corrected,
    salt,
    version: 2,
    patient,
    author,
    warrantHash: hash,
    previous: first.ehrHash,
  })
  return {
    author,
    inputs: [
      { ehr: record.ehr, salt: record.salt, commitment: first },
      { ehr: corrected, salt, commitment: second },
    ],
  }
}

export function makeCommitments(): CommitmentVectors {
  const crypto = deterministicCrypto('commitment.json')
  const { author, inputs } = commitmentsOf(crypto)
  return {
    about: 'Commitments of the doctor to records of the patient of parties.json: docs/protocol/04-records.md §4.1',
    author,
    items: inputs.map(({ ehr, salt, commitment }) => ({
      ehr: encodeHex(ehr),
      salt: encodeHex(salt),
      json: commitmentToJson(commitment),
      encoded: encodeHex(encodeCommitment(commitment)),
      leaf: encodeHex(commitmentLeaf(crypto, commitment)),
    })),
  }
}

export function makeBatches(): BatchVectors {
  const crypto = deterministicCrypto('batch-signature.json')
  const { author, inputs } = commitmentsOf(crypto)
  const { key } = party(crypto, 'doctor')
  const [first, second] = inputs.map(({ commitment }) => commitment) as [Commitment, Commitment]
  const third = { ...first, recordId: newRecordId(crypto, 1) }
  const batchOf = (name: string, items: readonly Commitment[]) => ({
    name,
    items: items.map(commitmentToJson),
    signingInput: encodeHex(batchSigningInput(crypto, author, items)),
    signature: encodeHex(signCommitments(crypto, key, author, items)),
  })
  const three = batchOf('three items', [first, second, third])
  const flipped = `${three.signature.startsWith('0') ? '1' : '0'}${three.signature.slice(1)}`
  return {
    about: 'Signatures of the doctor of parties.json over items: docs/protocol/04-records.md §4.2',
    author,
    valid: [batchOf('a single item', [first]), batchOf('two items', [first, second]), three],
    refused: [
      { name: 'another order', items: [third, second, first].map(commitmentToJson), signature: three.signature },
      { name: 'an item less', items: [first, second].map(commitmentToJson), signature: three.signature },
      { name: 'an item twice', items: [first, second, third, third].map(commitmentToJson), signature: three.signature },
      {
        name: 'an item changed',
        items: [first, second, { ...third, ehrHash: second.ehrHash }].map(commitmentToJson),
        signature: three.signature,
      },
      { name: 'one bit of the signature', items: three.items, signature: flipped },
    ],
  }
}

export function makeEnvelopes(): EnvelopeVectors {
  const crypto = deterministicCrypto('envelope.json')
  const treatmentKey = deriveTreatmentKey(crypto, decodeHex(parties.ptk), 1)
  const patient = parties.parties.patient.ref as PatientRef
  const upload = encodeRecordUpload({
    ...recordOf(crypto, '{"resourceType":"Basic"}'),
    version: 1,
    previous: new Uint8Array(0),
  })
  const contents = { appointment: encodeCbor({ v: 1 }), warrant: new Uint8Array(0), record: upload, chain: upload }
  const valid = Object.entries(contents).map(([kind, plaintext]) => {
    const draws: string[] = []
    const taped: Crypto = {
      ...crypto,
      randomBytes(length) {
        const bytes = crypto.randomBytes(length)
        draws.push(encodeHex(bytes))
        return bytes
      },
    }
    const envelope = sealEnvelope(taped, treatmentKey, patient, kind as keyof typeof contents, plaintext)
    return {
      kind: kind as keyof typeof contents,
      draws,
      plaintext: encodeHex(plaintext),
      envelope: encodeHex(envelope),
    }
  })
  const good = decodeHex(valid[0]!.envelope)
  const at = (index: number): string => {
    const bytes = good.slice()
    bytes[index] = (bytes[index] as number) ^ 1
    return encodeHex(bytes)
  }
  return {
    about:
      'Envelopes of the patient of parties.json, key version 1: docs/protocol/03-envelopes-and-warrants.md §3.1. draws: content key, nonce, wrap nonce.',
    version: 1,
    valid,
    refused: [
      { name: 'another kind', kind: 'chain', envelope: valid[0]!.envelope },
      { name: 'one bit of the tag', kind: 'appointment', envelope: at(good.length - 1) },
      { name: 'one bit of the first byte', kind: 'appointment', envelope: at(0) },
      { name: 'cut short', kind: 'appointment', envelope: encodeHex(good.slice(0, -1)) },
      { name: 'a byte more', kind: 'appointment', envelope: encodeHex(concat(good, Uint8Array.of(0))) },
    ],
  }
}

export function makeDeliveries(): DeliveryVectors {
  const crypto = deterministicCrypto('treatment-key.json')
  const patient = party(crypto, 'patient')
  const doctor = party(crypto, 'doctor')
  const ptk = decodeHex(parties.ptk)
  const key = deriveTreatmentKey(crypto, ptk, 1)
  const probe = encodeUtf8('probe')
  const deliveries = [patient, doctor].map((recipient) => {
    const ephemeralKey = crypto.randomBytes(32)
    const fixed: Crypto = { ...crypto, generateAgreementKey: () => crypto.importAgreementKey(ephemeralKey) }
    const delivery = { patient: patient.ref, version: 1, ptk }
    const sealed = sealTreatmentKey(fixed, delivery, recipient.ref, recipient.sealKey.publicKey)
    openTreatmentKey(crypto, recipient.sealKey, sealed, patient.ref, 1, recipient.ref)
    return {
      recipient: recipient.ref,
      sealKey: encodeHex(crypto.exportAgreementKey(recipient.sealKey)),
      ephemeralKey: encodeHex(ephemeralKey),
      sealed: encodeHex(sealed),
    }
  })
  const [toPatient, toDoctor] = deliveries as [(typeof deliveries)[number], (typeof deliveries)[number]]
  const flipped = decodeHex(toDoctor.sealed)
  flipped[40] = (flipped[40] as number) ^ 1
  return {
    about: 'The treatment key of parties.json, derived and delivered: docs/protocol/02-registration.md §2.4',
    version: 1,
    patient: patient.ref,
    // What the derived keys do to the text "probe": HMAC, and AES-256-GCM under a nonce of zeros without AAD.
    tagOfProbe: encodeHex(crypto.hmac(key.tagKey, probe)),
    wrapOfProbe: encodeHex(crypto.encrypt(key.wrapKey, new Uint8Array(12), new Uint8Array(0), probe)),
    valid: deliveries,
    refused: [
      { name: 'for another recipient', ...toDoctor, recipient: toPatient.recipient, version: 1 },
      { name: 'with the key of another', ...toDoctor, sealKey: toPatient.sealKey, version: 1 },
      { name: 'of another version', ...toDoctor, version: 2 },
      { name: 'one bit changed', ...toDoctor, sealed: encodeHex(flipped), version: 1 },
    ],
  }
}

export function makeChains(): ChainVectors {
  const crypto = deterministicCrypto('chain.json')
  const patient = party(crypto, 'patient')
  const treatmentKey = deriveTreatmentKey(crypto, decodeHex(parties.ptk), 1)
  const doctors = (['doctor', 'secondDoctor', 'thirdDoctor'] as const).map((name) => party(crypto, name))
  const warrant = issueWarrant(crypto, patient.key, {
    ...warrantOf(crypto),
    doctors: doctors.map(({ ref }) => ref),
    scope: ['*'],
  })
  const context = { patient: patient.ref, treatmentKey }
  let chain: Chain = startChain(crypto)
  const signingInputs: string[] = []
  for (const [i, doctor] of doctors.entries()) {
    const link: UnsignedChainLink = {
      recordId: newRecordId(crypto, NOW_SECONDS * 1_000 + i),
      author: doctor.ref,
      ehr: encodeUtf8(`{"resourceType":"Basic","id":"${i + 1}"}`),
      salt: crypto.randomBytes(32),
      warrant,
    }
    signingInputs.push(encodeHex(prepareLink(crypto, chain, context, link).signingInput))
    chain = addLink(crypto, chain, context, link, doctor.key)
  }
  const [first, second, third] = chain.links as [Chain['links'][0], Chain['links'][0], Chain['links'][0]]
  const refused = (name: string, code: string, link: number, links: Chain['links']) => ({
    name,
    code,
    link,
    plaintext: encodeHex(encodeChainUpload({ ...chain, links })),
  })
  return {
    about: 'A chain of three doctors of parties.json, kind of every record "other": docs/protocol/04-records.md §4.4',
    nowMs: NOW_SECONDS * 1_000,
    plaintext: encodeHex(encodeChainUpload(chain)),
    signingInputs,
    refused: [
      refused('the last is missing', 'CHAIN_LINK_MISSING', 3, [first, second]),
      refused('the second is missing', 'CHAIN_LINK_MISSING', 2, [first, third]),
      refused('two changed places', 'CHAIN_LINK_REORDERED', 2, [first, third, second]),
      refused('one stands there twice', 'CHAIN_LINK_REPEATED', 2, [first, first, second, third]),
      refused('a record changed', 'CHAIN_LINK_ALTERED', 2, [first, { ...second, ehr: third.ehr }, third]),
      refused('a salt changed', 'CHAIN_LINK_ALTERED', 1, [{ ...first, salt: third.salt }, second, third]),
      refused('a signature changed', 'CHAIN_LINK_ALTERED', 3, [
        first,
        second,
        { ...third, signature: first.signature },
      ]),
    ],
  }
}

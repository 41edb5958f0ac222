import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forEachFlippedBit, makeParty, makeProtocolParties } from '../../../testkit/src/protocol-parties.ts'
import { concat, encodeUtf8 } from '../../crypto/src/bytes.ts'
import { encodeCbor } from './cbor.ts'
import { addLink, checkChain, type ChainCheck, prepareLink, startChain, type UnsignedChainLink } from './chain.ts'
import { commitmentLeaf } from './commitment.ts'
import { ProtocolError } from './errors.ts'
import { newId, newRecordId } from './ids.ts'
import { deriveTreatmentKey } from './keys.ts'
import { type Chain, type ChainLink, decodeChainUpload, encodeChainUpload } from './upload.ts'
import { issueWarrant, type Warrant, warrantHash } from './warrant.ts'

const { crypto, patient, otherPatient, doctor, otherDoctor, hospital, otherHospital, treatmentKey } =
  makeProtocolParties()
const third = makeParty(crypto, 'd')
const stranger = makeParty(crypto, 'd')
const group = [doctor, otherDoctor, third]
const warrant: Warrant = {
  jti: newId(crypto, 'w'),
  iss: patient.ref,
  doctors: [hospital.ref, ...group.map(({ ref }) => ref)],
  hospital: hospital.ref,
  nbf: 100,
  exp: 200,
  scope: ['lab'],
  aux: '',
}
const jws = issueWarrant(crypto, patient.key, warrant)
const context = { patient: patient.ref, treatmentKey }
const keys = new Map([...group, stranger].map(({ ref, verifyingKey }) => [ref, verifyingKey]))
const check: ChainCheck = {
  ...context,
  patientKeys: patient.keys,
  doctorKeys: keys,
  hospitalOf: () => hospital.ref,
  ehrTypeOf: () => 'lab',
  nowMs: 150_000,
}

const unsigned = (author: typeof doctor, change: Partial<UnsignedChainLink> = {}): UnsignedChainLink => ({
  recordId: newRecordId(crypto, 1),
  author: author.ref,
  ehr: crypto.randomBytes(20),
  salt: crypto.randomBytes(32),
  warrant: jws,
  ...change,
})
const grow = (chain: Chain, author: typeof doctor, change: Partial<UnsignedChainLink> = {}): Chain =>
  addLink(crypto, chain, context, unsigned(author, change), author.key)
const whole = grow(grow(grow(startChain(crypto), doctor), otherDoctor), third)
const [first, second, last] = whole.links as [ChainLink, ChainLink, ChainLink]
const withLinks = (...links: readonly ChainLink[]): Chain => ({ ...whole, links })

function refuses(code: string, link: number | undefined, chain: Chain, change: Partial<ChainCheck> = {}): void {
  assert.throws(
    () => checkChain(crypto, chain, { ...check, ...change }),
    (error: unknown) => {
      assert.ok(error instanceof ProtocolError)
      assert.deepEqual([error.code, error.link], [code, link])
      return true
    },
  )
}

test('a whole chain gives each link with its warrant and commitment', () => {
  const checked = checkChain(crypto, decodeChainUpload(encodeChainUpload(whole)), check)
  assert.deepEqual(
    checked.map(({ link }) => link),
    whole.links,
  )
  assert.deepEqual(checked[2]?.warrant, warrant)
  assert.deepEqual(checked[1]?.commitment.recordId, second.recordId)
  assert.deepEqual(checked[1]?.commitment.warrantHash, warrantHash(crypto, jws))
})

test('what a doctor signs is the section to the byte', () => {
  const refs = group.map(({ ref }) => ref)
  const checked = checkChain(crypto, whole, check)
  const text = encodeUtf8
  let hash = crypto.sha256(text('trusthealth/1/chain\0'), encodeCbor([whole.chainId, patient.ref, refs]))
  for (const [i, { commitment, link }] of checked.entries()) {
    hash = crypto.sha256(text('trusthealth/1/link\0'), hash, commitmentLeaf(crypto, commitment))
    const signed = concat(text('trusthealth/1/link-signature\0'), hash)
    assert.ok(crypto.verify(group[i]!.verifyingKey, signed, link.signature))
  }
})

test('a doctor elsewhere signs in two steps and gets the commitment', () => {
  const prepared = prepareLink(crypto, withLinks(first, second), context, unsigned(third))
  const chain = prepared.withSignature(crypto.sign(third.key, prepared.signingInput))
  assert.deepEqual(checkChain(crypto, chain, check)[2]?.commitment, prepared.commitment)
  assert.throws(() => prepared.withSignature(new Uint8Array(63)), RangeError)
})

test('each doctor may have a warrant of their own', () => {
  const own = issueWarrant(crypto, patient.key, { ...warrant, jti: newId(crypto, 'w'), doctors: [otherDoctor.ref] })
  const chain = grow(grow(withLinks(first), otherDoctor, { warrant: own }), third)
  assert.equal(checkChain(crypto, chain, check)[1]?.warrant.doctors.length, 1)
})

test('a missing link is refused, wherever it is', () => {
  refuses('CHAIN_LINK_MISSING', 1, withLinks())
  refuses('CHAIN_LINK_MISSING', 1, withLinks(second, last))
  refuses('CHAIN_LINK_MISSING', 2, withLinks(first, last))
  refuses('CHAIN_LINK_MISSING', 3, withLinks(first, second))
})

test('a doctor in the middle may check what is there', () => {
  const allowUnfinished = { allowUnfinished: true }
  assert.equal(checkChain(crypto, withLinks(first, second), { ...check, ...allowUnfinished }).length, 2)
  refuses('CHAIN_LINK_MISSING', 2, withLinks(first, last), allowUnfinished)
  refuses('CHAIN_LINK_MISSING', 1, withLinks(), allowUnfinished)
})

test('a link out of order is refused', () => {
  refuses('CHAIN_LINK_REORDERED', 1, withLinks(second, first, last))
  refuses('CHAIN_LINK_REORDERED', 2, withLinks(first, last, second))
})

test('a link or a record that stands there twice is refused', () => {
  refuses('CHAIN_LINK_REPEATED', 2, withLinks(first, first, second, last))
  refuses('CHAIN_LINK_REPEATED', 4, withLinks(first, second, last, first))
  refuses('CHAIN_LINK_REPEATED', 3, withLinks(first, second, { ...last, recordId: first.recordId }))
})

test('an author outside the group is refused', () => {
  refuses('WARRANT_PARTY_MISMATCH', 2, withLinks(first, { ...second, author: stranger.ref }, last))
  refuses(
    'WARRANT_PARTY_MISMATCH',
    4,
    withLinks(first, second, last, { ...last, author: stranger.ref, recordId: newRecordId(crypto, 9) }),
  )
})

test('an altered part is refused and named, whichever part it is', () => {
  const other = crypto.randomBytes(32)
  for (const change of [
    { ehr: other },
    { salt: other },
    { recordId: newRecordId(crypto, 5) },
    { signature: second.signature },
  ]) {
    refuses('CHAIN_LINK_ALTERED', 1, withLinks({ ...first, ...change }, second, last))
  }
  refuses('CHAIN_LINK_ALTERED', 2, withLinks(first, { ...second, ehr: other }, last))
  refuses('CHAIN_LINK_ALTERED', 3, withLinks(first, second, { ...last, ehr: other }))
  const again = issueWarrant(crypto, patient.key, warrant) // the same terms, another signature
  refuses('CHAIN_LINK_ALTERED', 2, withLinks(first, { ...second, warrant: again }, last))
  refuses('CHAIN_LINK_ALTERED', 1, { ...whole, chainId: newId(crypto, 'c') })
})

test('every flipped bit of a link signature is refused', () => {
  forEachFlippedBit(second.signature, (signature) => {
    refuses('CHAIN_LINK_ALTERED', 2, withLinks(first, { ...second, signature }, last))
  })
})

test('a link of another chain of the same group is refused', () => {
  const other = grow(grow(grow(startChain(crypto), doctor), otherDoctor), third)
  refuses('CHAIN_LINK_ALTERED', 2, withLinks(first, other.links[1] as ChainLink, last))
  refuses('CHAIN_LINK_ALTERED', 1, withLinks(...other.links))
})

test('a first warrant that widens or reorders the group is refused at the first link', () => {
  const doctors = [doctor.ref, third.ref, otherDoctor.ref]
  const reordered = issueWarrant(crypto, patient.key, { ...warrant, doctors })
  refuses('CHAIN_LINK_REORDERED', 2, withLinks({ ...first, warrant: reordered }, second, last))
  const smaller = issueWarrant(crypto, patient.key, { ...warrant, doctors: [doctor.ref, otherDoctor.ref] })
  refuses('CHAIN_LINK_ALTERED', 1, withLinks({ ...first, warrant: smaller }, second))
})

test('a chain of another patient or treatment key is refused', () => {
  refuses('CHAIN_LINK_ALTERED', 1, whole, { treatmentKey: deriveTreatmentKey(crypto, crypto.randomBytes(32), 2) })
  refuses('WARRANT_PARTY_MISMATCH', 1, whole, { patient: otherPatient.ref })
})

test('a doctor who is not registered is refused', () => {
  const without = new Map([...keys].filter(([ref]) => ref !== otherDoctor.ref))
  refuses('PARTICIPANT_UNKNOWN', 2, whole, { doctorKeys: without })
})

test('a doctor whose registered key is another is refused', () => {
  refuses('CHAIN_LINK_ALTERED', 2, whole, { doctorKeys: new Map([...keys, [otherDoctor.ref, third.verifyingKey]]) })
})

test('every refusal of a warrant has the number of its link', () => {
  refuses('WARRANT_SIGNATURE_INVALID', 1, whole, { patientKeys: new Map() })
  refuses('WARRANT_NOT_YET_VALID', 1, whole, { nowMs: 99_999 })
  refuses('WARRANT_EXPIRED', 1, whole, { nowMs: 200_000 })
  refuses('WARRANT_SCOPE_EXCEEDED', 1, whole, { ehrTypeOf: () => 'imaging' })
  refuses('WARRANT_PARTY_MISMATCH', 2, whole, {
    hospitalOf: (ref) => (ref === otherDoctor.ref ? otherHospital.ref : hospital.ref),
  })
  const withSecondWarrant = (change: Partial<Warrant>, key = patient.key): Chain => {
    const own = issueWarrant(crypto, key, { ...warrant, ...change })
    return grow(grow(withLinks(first), otherDoctor, { warrant: own }), third)
  }
  refuses('WARRANT_SIGNATURE_INVALID', 2, withSecondWarrant({}, doctor.key))
  refuses('WARRANT_PARTY_MISMATCH', 2, withSecondWarrant({ doctors: [doctor.ref] }))
  refuses('WARRANT_PARTY_MISMATCH', 2, withSecondWarrant({ iss: otherPatient.ref }))
  refuses('WARRANT_NOT_YET_VALID', 2, withSecondWarrant({ nbf: 151 }))
  refuses('WARRANT_EXPIRED', 2, withSecondWarrant({ exp: 150 }))
  refuses('WARRANT_SCOPE_EXCEEDED', 2, withSecondWarrant({ scope: ['imaging'] }))
  refuses('STATEMENT_MALFORMED', 2, grow(grow(withLinks(first), otherDoctor, { warrant: 'a.b.c' }), third))
  refuses('STATEMENT_MALFORMED', 1, withLinks({ ...first, warrant: 'a.b.c' }, second, last))
})

test('a record without a kind is refused with the number of its link', () => {
  refuses('RECORD_NOT_FHIR', 3, whole, {
    ehrTypeOf: (ehr) => {
      if (ehr === last.ehr) throw new ProtocolError('RECORD_NOT_FHIR', 'not FHIR')
      return 'lab'
    },
  })
})

test('a group of one doctor is no chain', () => {
  const alone = issueWarrant(crypto, patient.key, { ...warrant, doctors: [doctor.ref, hospital.ref] })
  refuses('MESSAGE_MALFORMED', 1, withLinks({ ...first, warrant: alone }))
  assert.throws(() => grow(startChain(crypto), doctor, { warrant: alone }), { code: 'MESSAGE_MALFORMED' })
})

test('a group has at most 16 doctors', () => {
  const many = [doctor.ref, ...Array.from({ length: 15 }, () => makeParty(crypto, 'd').ref)]
  const sixteen = issueWarrant(crypto, patient.key, { ...warrant, doctors: many })
  const chain = grow(startChain(crypto), doctor, { warrant: sixteen })
  assert.equal(checkChain(crypto, chain, { ...check, allowUnfinished: true }).length, 1)
  refuses('CHAIN_LINK_MISSING', 2, chain)
})

test('nobody adds a link out of turn', () => {
  assert.throws(() => grow(startChain(crypto), otherDoctor), { code: 'CHAIN_LINK_MISSING', link: 1 })
  assert.throws(() => grow(withLinks(first), third), { code: 'CHAIN_LINK_MISSING', link: 2 })
  assert.throws(() => grow(withLinks(first, second), otherDoctor), { code: 'CHAIN_LINK_REPEATED', link: 3 })
  assert.throws(() => grow(whole, stranger), { code: 'WARRANT_PARTY_MISMATCH', link: 4 })
})

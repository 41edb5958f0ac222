/** Hospitals whose authority is a real Fabric CA: who enrolled there registers, writes, is read and is revoked. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { openCertificateAuthority } from '../../../hospital/src/certificate-authority.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { endorsementTrustOf, verifyEndorsedRead } from '../../../shared/ledger-model/src/index.ts'
import { type MspId, newRef } from '../../../shared/protocol/src/index.ts'
import { createConsortium, registrationOf, type TestIdentity } from '../../../testkit/src/consortium.ts'
import { type FabricCa, startFabricCa } from '../../../testkit/src/fabric-ca.ts'
import { startTestNetwork, type TestNetwork } from '../../../testkit/src/fabric-ledger.ts'
import { everyPeerHas, writePatient } from '../../../testkit/src/fabric-writers.ts'
import { submitCall } from '../../client/src/index.ts'
import type { Ledger } from '../../client/src/port.ts'
import { findAuthorityPrograms } from './authority-programs.ts'

const crypto = createNodeCrypto()
const bin = findAuthorityPrograms()
const skip =
  bin === undefined && "Fabric CA's programs are not here: node tools/run.mjs ledger/network/src/main.ts programs"

describe('hospitals with a Fabric CA', { skip }, () => {
  const mspIds = ['HospitalA', 'HospitalB'] as MspId[]
  let authorities: FabricCa[] = []
  let started: TestNetwork
  let ledger: Ledger
  let admins: TestIdentity[]

  /** @param attributes of the certificate, as Fabric CA's client takes them. */
  async function enroll(index: number, role: TestIdentity['role'], attributes: (ref: string) => string) {
    const ref = newRef(crypto, role === 'hospital' ? 'h' : role === 'doctor' ? 'd' : 'a')
    const type = role === 'admin' ? 'admin' : 'client'
    const enrolled = await (authorities[index] as FabricCa).enroll(ref, type, attributes(ref))
    const sealKeyPair = crypto.generateAgreementKey()
    const mspId = mspIds[index] as MspId
    const sealKey = sealKeyPair.publicKey
    return { ...enrolled, mspId, role, ref, sealKey, sealKeyPair, emergency: false } satisfies TestIdentity
  }
  const inCertificate = (role: string) => (ref: string) => `trusthealth.role=${role}:ecert,trusthealth.ref=${ref}:ecert`
  const register = (by: TestIdentity, one: TestIdentity) =>
    submitCall(ledger, by, { fn: 'registerParticipant', args: [JSON.stringify(registrationOf(one))] })

  before(async () => {
    authorities = await Promise.all(mspIds.map((mspId) => startFabricCa(bin ?? '', `${mspId} root`)))
    admins = await Promise.all(mspIds.map((_, i) => enroll(i, 'admin', () => 'trusthealth.role=admin:ecert')))
    const plain = await createConsortium({ names: mspIds })
    const organizations = plain.organizations.map((organization, i) => {
      const { root, signingKey } = authorities[i] as FabricCa
      const { mspId } = organization
      // Peers and the network's own administrator get their certificates under the same root from this product.
      const authority = openCertificateAuthority({ crypto, mspId, nowMs: Date.now, root, signingKey })
      return { ...organization, authority, admin: admins[i] as TestIdentity }
    })
    const roots = organizations.map(({ mspId, authority }) => ({ mspId, roots: [authority.root] }))
    started = await startTestNetwork({ ...plain, organizations, genesis: { ...plain.genesis, organizations: roots } })
    ledger = started.connect()
  })
  after(async () => {
    await started?.close()
    await Promise.all(authorities.map((one) => one.close()))
  })

  test('administrators, hospitals and doctors who enrolled there register and write; their registrations are read with proof', async () => {
    const [a, b] = admins as [TestIdentity, TestIdentity]
    const hospitals = await Promise.all([0, 1].map((i) => enroll(i, 'hospital', inCertificate('hospital'))))
    const doctor = await enroll(0, 'doctor', inCertificate('doctor'))
    const [first, second] = hospitals as [TestIdentity, TestIdentity]
    await register(a, first)
    await register(b, second)
    await register(a, doctor)
    await everyPeerHas(started, [await writePatient(ledger, first), await writePatient(ledger, second)])

    const nonce = crypto.randomBytes(32)
    const query = { fn: 'participant', args: [doctor.ref] }
    const answers = await ledger.endorsedRead({ ...query, nonce })
    const trust = endorsementTrustOf(crypto, started.configuration)
    const read = verifyEndorsedRead(crypto, { ...trust, nonce, query }, answers)
    assert.equal(read.status, 200)
    assert.match(read.result, /"status":"active"/)
  })

  test('refused: no attributes, attributes that are not in the certificate, who is no administrator, who is of the other', async () => {
    const [a, b] = admins as [TestIdentity, TestIdentity]
    const hospital = await enroll(0, 'hospital', inCertificate('hospital'))
    const without = await enroll(0, 'hospital', () => '')
    const hidden = await enroll(0, 'hospital', (ref) => `trusthealth.role=hospital,trusthealth.ref=${ref}`)
    const forbidden = { code: 'LEDGER_FORBIDDEN' }
    await assert.rejects(register(hospital, hospital), forbidden)
    await register(a, hospital)
    // Registered by an organisation that is not the one of its certificate.
    const others = await enroll(0, 'hospital', inCertificate('hospital'))
    await register(b, others)
    for (const one of [without, hidden, others]) await assert.rejects(writePatient(ledger, one), forbidden)
  })

  test('revoked there: with the authority’s own list in the channel peers refuse, and the others go on', async () => {
    const [a] = admins as [TestIdentity]
    const lost = await enroll(0, 'hospital', inCertificate('hospital'))
    const other = await enroll(0, 'hospital', inCertificate('hospital'))
    await register(a, lost)
    await register(a, other)
    await writePatient(ledger, lost)
    const list = await (authorities[0] as FabricCa).revoke(lost.ref)
    await started.network.revokeCertificates(lost.mspId, [], list)
    const rejected = { code: 'LEDGER_IDENTITY_REJECTED' }
    await assert.rejects(ledger.prepare(lost, { fn: 'participant', args: [lost.ref] }), rejected)
    const revoked = started.connect({ identity: lost })
    await assert.rejects(revoked.blocks(0)[Symbol.asyncIterator]().next(), rejected)
    await writePatient(ledger, other)
    // On the ledger, too, which those ask who never call a peer.
    await started.network.revokeCertificates(lost.mspId, [lost.certSerial], list)
    const policy = await ledger.query({ fn: 'organizationPolicy', args: [lost.mspId] })
    assert.deepEqual((JSON.parse(policy) as { readonly revokedSerials: unknown }).revokedSerials, [lost.certSerial])
  })
})

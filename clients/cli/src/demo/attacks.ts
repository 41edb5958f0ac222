/**
 * The second act, attacks that any participant or anybody on the network can try. They damage nothing, so they are
 * played against any system.
 *
 * @module
 */
import { kidOf, newId, prepareWarrant, type Warrant } from '../../../../shared/protocol/src/index.ts'
import type { DoctorClient } from '../../../sdk/src/doctor.ts'
import { codeOfFailure } from '../command-error.ts'
import { ALICE, WEI, type Scene } from './cast.ts'
import { eventually, expectRefusal, expectSame } from './expect.ts'
import type { Step } from './player.ts'
import { TappedTransport } from './tapped-transport.ts'
import { hba1c } from './texts.ts'

/** The short permission below; its end is in whole seconds. */
const SHORT_MS = 2_000
/** After its end, for the answer. */
const WAIT_MS = 60_000
/** No system needs so long to store one record. */
const NOT_SHORT_MS = 300_000

const forgedWarrant: Step<Scene> = {
  title: 'a doctor signs a permission himself',
  async play(scene) {
    const { stage } = scene
    const bob = scene.get('bob')
    const wei = scene.get('wei')
    const { crypto, clock } = stage.context
    const nowS = Math.floor(clock.nowMs() / 1000)
    const terms: Warrant = {
      jti: newId(crypto, 'w'),
      iss: bob.ref,
      doctors: [wei.ref],
      hospital: stage.staff(0).ref,
      nbf: nowS - 60,
      exp: nowS + 86_400,
      scope: ['*'],
      aux: '',
    }
    // He has Bob's treatment key, so he can encrypt it as Bob would; he does not have Bob's key.
    const { signer } = wei.identity
    const unsigned = prepareWarrant(kidOf(crypto, signer.publicKey), terms)
    const warrant = unsigned.withSignature(await signer.sign(unsigned.signingInput))
    const before = (await bob.records()).items.length
    const { code } = await expectRefusal('WARRANT_SIGNATURE_INVALID', () =>
      wei.store({ patient: bob.ref, warrant, ehr: hba1c(30, 'forged') }),
    )
    expectSame((await bob.records()).items.length, before, 'records')
    return `noticed: ${code}; nothing was stored`
  },
}

const afterThePeriod: Step<Scene> = {
  title: 'a doctor comes back after the permission ended',
  async play(scene) {
    const { stage } = scene
    const bob = scene.get('bob')
    await stage.register(0, { kind: 'practitioner', name: 'Lena Braun', department: 'Cardiology' })
    const lena = stage.doctor('Lena Braun')
    const { warrant, stored, shortMs } = await storeInTime(scene, lena)
    const readAgain = async () => {
      const read = lena.read(stored.recordId)
      return await read.then(
        () => undefined,
        () => expectRefusal('WARRANT_EXPIRED', () => lena.read(stored.recordId)),
      )
    }
    const refusal = await eventually('the end of the permission', readAgain, shortMs + WAIT_MS)
    // Keys and texts she saw are still hers; they open nothing new.
    await expectRefusal('WARRANT_EXPIRED', () => lena.store({ patient: bob.ref, warrant, ehr: hba1c(30, 'too late') }))
    return `reading and writing: ${refusal.code}`
  },
}

/** Stores a record with a permission that ends soon: longer ones until this system is fast enough for it. */
async function storeInTime(scene: Scene, doctor: DoctorClient) {
  const { clock } = scene.stage.context
  const bob = scene.get('bob')
  for (let shortMs = SHORT_MS; ; shortMs *= 3) {
    const { warrant } = await bob.issueWarrant({
      doctors: [doctor.ref],
      hospital: scene.stage.staff(0).ref,
      fromMs: clock.nowMs() - 60_000,
      untilMs: clock.nowMs() + shortMs,
      scope: ['*'],
    })
    try {
      const stored = await doctor.store({ patient: bob.ref, warrant, ehr: hba1c(48, 'during the period') })
      return { warrant, stored, shortMs }
    } catch (error) {
      if (codeOfFailure(error) !== 'WARRANT_EXPIRED' || shortMs > NOT_SHORT_MS) throw error
    }
  }
}

const replay: Step<Scene> = {
  title: 'the network sends a request a second time',
  async play(scene) {
    const { stage } = scene
    const wire = new TappedTransport(stage.optionsOf(ALICE).transport)
    const alice = stage.doctor(ALICE, { transport: wire })
    await alice.read(scene.get('result').recordId)
    const { code } = await expectRefusal('SESSION_REPLAY', () => wire.replay())
    return `noticed: ${code}`
  },
}

const alteredRecord: Step<Scene> = {
  title: 'the network changes one bit of a request',
  async play(scene) {
    const { stage } = scene
    const wire = new TappedTransport(stage.optionsOf(WEI).transport)
    const wei = stage.doctor(WEI, { transport: wire })
    await wei.list(scene.get('bob').ref)
    wire.alterNext = (record) => {
      const at = record.length - 20
      record[at] = (record[at] as number) ^ 1
      return record
    }
    const { code } = await expectRefusal('SESSION_RECORD_REJECTED', () => wei.list(scene.get('bob').ref))
    return `noticed: ${code}`
  },
}

const simulatedEvidence: Step<Scene> = {
  title: 'a client that wants hardware meets this server',
  async play(scene) {
    const { stage } = scene
    const strict = stage.doctor(ALICE, { policy: stage.hardwarePolicy })
    const { code } = await expectRefusal('ATTESTATION_SIMULATED', () => strict.evidence())
    return `stopped before anything was sent: ${code}`
  },
}

export const ATTACKS_BY_PEOPLE: readonly Step<Scene>[] = [
  forgedWarrant,
  afterThePeriod,
  replay,
  alteredRecord,
  simulatedEvidence,
]

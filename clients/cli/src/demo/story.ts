/**
 * The first act: the life of a record between two hospitals (docs/life-of-a-record.md), each step with its proof.
 *
 * @module
 */
import { decodeUtf8, equalBytes } from '../../../../shared/crypto/src/index.ts'
import { issueWarrant, makeWarrantRecord, newId, type Warrant } from '../../../../shared/protocol/src/index.ts'
import { sealOf, type Seal } from '../../../sdk/src/seal.ts'
import type { RecordReport } from '../../../sdk/src/verify-record.ts'
import { formatDate, formatMoment, formatTime } from '../dates.ts'
import { hospitalFolder } from '../system-file.ts'
import { ADA, ALICE, BOB, NADIA, OMAR, WEI, type Scene } from './cast.ts'
import { answered, eventually, expectRefusal, expectSame, expectThat } from './expect.ts'
import { checkReceipt } from './offline-receipt.ts'
import { administratorOf } from './organizations.ts'
import type { Act, Step } from './player.ts'
import { searchFolder } from './search.ts'
import { hba1c, RESULT_NAME, visitNote } from './texts.ts'

const DAY_MS = 86_400_000
const CLOCK = { date: formatDate, time: formatTime }

/** Each hospital's administrator acts for its own organisation only. */
const hospitalsJoin: Step<Scene> = {
  title: 'Hospital A and B join the ledger',
  async play({ stage }) {
    const { context } = stage
    const [a, b] = [stage.hospitalOf(0), stage.hospitalOf(1)]
    const { height, members } = await (await stage.ledgerView()).facts()
    expectThat(members.includes(a.mspId) && members.includes(b.mspId), 'both are members')
    expectThat(height > 0, 'the ledger has blocks')
    const ofB = await administratorOf(hospitalFolder(context.state, b.slug), b.mspId, context)
    // In A's name, with B's certificate and key.
    const refusal = await expectRefusal('LEDGER_IDENTITY_REJECTED', () =>
      stage.submitAs({ ...ofB, mspId: a.mspId }, { fn: 'suspendParticipant', args: [a.ref, 'misuse'] }),
    )
    return `each signs for itself; B in A's name: ${refusal.code}`
  },
}

const serverProves: Step<Scene> = {
  title: 'the record server proves its program',
  async play({ stage }) {
    const evidence = await stage.staff(0).evidence()
    expectThat(evidence.simulated, 'a process says that it is simulated')
    const { measurement } = stage.current
    if (measurement !== undefined) expectSame<string>(evidence.measurement, measurement, 'program')
    return `program ${short(evidence.measurement)} is the approved one; says: simulated`
  },
}

const peopleRegister: Step<Scene> = {
  title: 'Bob and five doctors register',
  async play(scene) {
    const { stage } = scene
    const patient = { kind: 'patient', name: BOB, birthDate: '1962-03-03', identityCheckedBy: 'front desk' } as const
    const { code } = await stage.register(0, patient)
    for (const name of [ALICE, WEI, ADA])
      await stage.register(0, { kind: 'practitioner', name, department: 'Cardiology' })
    await stage.register(1, { kind: 'practitioner', name: OMAR, department: 'Diabetology' })
    await stage.register(1, { kind: 'practitioner', name: NADIA, department: 'Emergency', emergency: true })
    scene.set('bob', stage.patient(BOB))
    scene.set('alice', stage.doctor(ALICE))
    scene.set('wei', stage.doctor(WEI))
    scene.set('ada', stage.doctor(ADA))
    scene.set('omar', stage.doctor(OMAR))
    scene.set('nadia', stage.doctor(NADIA))
    const again = await expectRefusal('INVITATION_UNKNOWN', () => stage.registerAgain(0, BOB, code))
    return `keys made on own devices; Bob's code used again: ${again.code}`
  },
}

const bobBooks: Step<Scene> = {
  title: 'Bob books with Dr Alice Martin',
  async play(scene) {
    const bob = scene.get('bob')
    const alice = scene.get('alice')
    const { startMs } = await bob.book({
      department: 'Cardiology',
      fromMs: scene.stage.context.clock.nowMs() + DAY_MS,
      symptoms: 'tired, thirsty',
      aux: '',
      doctors: [alice.ref],
    })
    expectSame(
      (await alice.appointments()).filter(({ patientRef }) => patientRef === bob.ref).length,
      1,
      'appointments',
    )
    // A doctor of the same hospital who has nothing to do with it gets no key.
    const refusal = await expectRefusal('ACCESS_DENIED', () => scene.get('ada').keyring.newest(bob.ref))
    return `${formatMoment(startMs)}; another doctor asks for Bob's key: ${refusal.code}`
  },
}

const bobPermits: Step<Scene> = {
  title: 'Bob lets Dr Alice see him for a week',
  async play(scene) {
    const { stage } = scene
    const bob = scene.get('bob')
    const { clock } = stage.context
    const terms = {
      hospital: stage.staff(0).ref,
      fromMs: clock.nowMs() - 60_000,
      untilMs: clock.nowMs() + 7 * DAY_MS,
      scope: ['*'],
    }
    const permission = await bob.issueWarrant({ ...terms, doctors: [scene.get('alice').ref] })
    scene.set('permission', permission)
    const group = [scene.get('alice').ref, scene.get('wei').ref, scene.get('ada').ref]
    scene.set('groupPermission', await bob.issueWarrant({ ...terms, doctors: group }))
    // Whoever runs the hospital's service has every key there but Bob's, and writes to the ledger directly.
    const { crypto } = stage.context
    const service = stage.serviceOf(0)
    const forgedTerms: Warrant = {
      jti: newId(crypto, 'w'),
      iss: bob.ref,
      doctors: group,
      hospital: terms.hospital,
      nbf: Math.floor(terms.fromMs / 1000),
      exp: Math.floor(terms.untilMs / 1000),
      scope: ['*'],
      aux: '',
    }
    const forged = issueWarrant(crypto, service.keys.signingKey, forgedTerms)
    const recording = makeWarrantRecord(crypto, service.keys.signingKey, forged)
    const { code } = await expectRefusal('WARRANT_SIGNATURE_INVALID', () =>
      stage.submitAs(service.ledger, { fn: 'recordWarrant', args: [recording] }),
    )
    return `his key signed, block ${permission.block}; the hospital's: ${code}`
  },
}

const aliceStores: Step<Scene> = {
  title: `Alice stores ${RESULT_NAME} 47 mmol/mol`,
  async play(scene) {
    const { stage } = scene
    const startMs = performance.now()
    const stored = await scene.get('alice').store({
      patient: scene.get('bob').ref,
      warrant: scene.get('permission').warrant,
      ehr: hba1c(47, 'fasting, morning'),
    })
    scene.set('result', stored)
    const tookMs = Math.ceil(performance.now() - startMs)
    if (!stage.isOwn) return `stored and on the ledger in ${tookMs} ms, block ${stored.place.block}`
    const { hits, files } = searchFolder(stage.folder, [RESULT_NAME, 'fasting, morning'])
    expectThat(files > 10, 'the search looks at files')
    expectSame(hits, 0, 'hits')
    return `${tookMs} ms; ${files} files on disk searched for "${RESULT_NAME}": 0 hits`
  },
}

const receiptStands: Step<Scene> = {
  title: 'her receipt is checked without the server',
  async play(scene) {
    const { receipt, log, place } = scene.get('result')
    const server = await checkReceipt(scene.get('alice').options, receipt, log)
    const refusal = await expectRefusal('RECEIPT_INVALID', () => server.check(altered(receipt)))
    return `block ${place.block}, log entry ${log.index}; one letter changed: ${refusal.code}`
  },
}

const aliceCorrects: Step<Scene> = {
  title: 'Alice corrects it to 48 mmol/mol',
  async play(scene) {
    const alice = scene.get('alice')
    const bob = scene.get('bob')
    const { recordId } = scene.get('result')
    const first = await alice.read(recordId)
    const { version } = await alice.correct(first, bob.ref, hba1c(48, 'checked twice'), scene.get('permission').warrant)
    expectSame(version, 2, 'version')
    const old = await bob.read(recordId, { version: 1 })
    expectThat(equalBytes(old.ehr, first.ehr), 'the first text is still there, byte for byte')
    return 'version 2; the first stays readable, marked as replaced'
  },
}

const groupWrites: Step<Scene> = {
  title: 'three doctors write in turn, one uploads',
  async play(scene) {
    const bob = scene.get('bob')
    const { warrant } = scene.get('groupPermission')
    await scene.get('alice').startChain(bob.ref, visitNote('heart sounds regular'), warrant)
    await scene.get('wei').addToChain(await turnOf(scene, 'wei'), visitNote('ECG without findings'), warrant)
    const stored = await scene
      .get('ada')
      .addToChain(await turnOf(scene, 'ada'), visitNote('control in six weeks'), warrant)
    expectSame(stored?.receipts.length, 3, 'receipts')
    const { items } = await bob.records()
    const note = items.find(({ resourceType }) => resourceType === 'Encounter')
    if (note !== undefined) scene.set('note', note.record)
    return '3 receipts; each signature covers the parts before it'
  },
}

const groupBreaks: Step<Scene> = {
  title: "the last one changes the second one's part",
  async play(scene) {
    const bob = scene.get('bob')
    const { warrant } = scene.get('groupPermission')
    const before = (await bob.records()).items.length
    await scene.get('alice').startChain(bob.ref, visitNote('heart sounds regular'), warrant)
    await scene.get('wei').addToChain(await turnOf(scene, 'wei'), visitNote('ECG without findings'), warrant)
    const turn = await turnOf(scene, 'ada')
    const links = turn.chain.links.map((link, i) => (i === 1 ? { ...link, ehr: visitNote('ECG abnormal') } : link))
    const refusal = await expectRefusal('CHAIN_LINK_ALTERED', () =>
      scene.get('ada').addToChain({ ...turn, chain: { ...turn.chain, links } }, visitNote('see part 2'), warrant),
    )
    expectSame(refusal.link, 2, 'part at fault')
    expectSame((await bob.records()).items.length, before, 'records')
    return `noticed: ${refusal.code} (${refusal.link}); nothing of it was stored`
  },
}

const bobVerifies: Step<Scene> = {
  title: 'Bob checks the result on his own device',
  async play(scene) {
    const { report, seal } = await verifiedByBob(scene)
    expectSame(seal.word, 'Verified unchanged (practice)', 'seal')
    return `${report.checks.length} of 7 checks passed: "${seal.word}"`
  },
}

const omarReads: Step<Scene> = {
  title: 'Bob lets Dr Omar of Hospital B see lab results',
  async play(scene) {
    const bob = scene.get('bob')
    const omar = scene.get('omar')
    const { recordId } = scene.get('result')
    await expectRefusal('ACCESS_DENIED', () => omar.read(recordId))
    const untilMs = scene.stage.context.clock.nowMs() + 30 * DAY_MS
    scene.set('grant', (await bob.giveAccess({ grantee: omar.ref, scope: ['lab'], untilMs })).jti)
    const answer = await omar.read(recordId)
    const text = JSON.parse(decodeUtf8(answer.ehr)) as { valueQuantity: { value: number } }
    expectSame(text.valueQuantity.value, 48, 'value')
    const report = await omar.verify(answer)
    expectSame(report.checks.filter(({ result }) => result === 'pass').length, 7, 'checks')
    const refusal = await expectRefusal('GRANT_SCOPE_EXCEEDED', () => omar.read(scene.get('note')))
    return `his own session, 7 checks; a visit note: ${refusal.code}`
  },
}

const bobTakesBack: Step<Scene> = {
  title: 'Bob takes access back; next read is refused',
  async play(scene) {
    const { recordId } = scene.get('result')
    const startMs = performance.now()
    await scene.get('bob').takeBack(scene.get('grant'))
    const { code } = await expectRefusal('GRANT_REVOKED', () => scene.get('omar').read(recordId))
    return `${code} after ${Math.ceil(performance.now() - startMs)} ms`
  },
}

const emergencyRead: Step<Scene> = {
  title: 'emergency: Dr Nadia opens Bob, unconscious',
  async play(scene) {
    const bob = scene.get('bob')
    const nadia = scene.get('nadia')
    const { recordId } = scene.get('result')
    const why = 'unconscious on arrival'
    const without = await expectRefusal('EMERGENCY_NOT_ALLOWED', () =>
      scene.get('omar').openEmergency(bob.ref, 'unconscious', why),
    )
    const { emergency } = await nadia.openEmergency(bob.ref, 'unconscious', why)
    await nadia.read(recordId)
    const told = (await bob.emergencies()).find((one) => one.emergency === emergency)
    expectSame(told?.text, why, 'what Bob is told')
    await nadia.closeEmergency(emergency)
    const after = await expectRefusal(['ACCESS_DENIED', 'EMERGENCY_ENDED'], () => nadia.read(recordId))
    return `Bob is told why; closed: ${after.code}; Dr Omar: ${without.code}`
  },
}

const whoLooked: Step<Scene> = {
  title: 'Bob sees who looked',
  async play(scene) {
    const bob = scene.get('bob')
    // Names of new doctors reach the record server a moment after they registered.
    const entries = await eventually('names in the access log', async () => {
      const { entries: found } = await bob.accessLog(bob.ref, { limit: 200 })
      return found.some(({ actorName }) => actorName === NADIA) ? found : undefined
    })
    const refused = entries.filter(({ kind }) => kind === 'deny')
    expectThat(
      refused.some(({ code }) => code === 'GRANT_REVOKED'),
      'the refusal after taking back is there',
    )
    expectThat(
      entries.some(({ kind, permission }) => kind === 'read' && permission?.startsWith('emergency') === true),
      'the emergency read is there',
    )
    return `${entries.length} entries by name, ${refused.length} of them refusals`
  },
}

const bobErases: Step<Scene> = {
  title: 'Bob erases a visit note for good',
  async play(scene) {
    const bob = scene.get('bob')
    const note = scene.get('note')
    const { commitment } = await bob.read(note)
    await bob.erase(note, commitment.ehrHash)
    const { code } = await expectRefusal('RECORD_ERASED', () => bob.read(note))
    const marker = (await bob.records()).items.find(({ record }) => record === note)
    expectThat(marker?.erasedMs !== undefined, 'a marker stays')
    return `key and salt destroyed: ${code}; only a marker stays`
  },
}

export const STORY: Act<Scene> = {
  steps: [
    hospitalsJoin,
    serverProves,
    peopleRegister,
    bobBooks,
    bobPermits,
    aliceStores,
    receiptStands,
    aliceCorrects,
    groupWrites,
    groupBreaks,
    bobVerifies,
    omarReads,
    bobTakesBack,
    emergencyRead,
    whoLooked,
    bobErases,
  ],
}

/** Reads the result as Bob and runs all checks. */
export async function verifiedByBob(scene: Scene): Promise<{ readonly report: RecordReport; readonly seal: Seal }> {
  const bob = scene.get('bob')
  const report = await bob.verify(await answered(() => bob.read(scene.get('result').recordId)))
  const failed = report.checks.filter(({ result }) => result !== 'pass')
  expectSame(failed.map(({ id, code }) => `${id} ${code ?? ''}`).join(), '', 'failed checks')
  return { report, seal: sealOf(report, CLOCK) }
}

async function turnOf(scene: Scene, name: 'wei' | 'ada') {
  const doctor = scene.get(name)
  return await eventually('the turn in the group', async () => (await doctor.chainTurns()).at(-1))
}

/** One letter of the payload is another one. */
function altered(jws: string): string {
  const at = jws.indexOf('.') + 40
  return jws.slice(0, at) + (jws[at] === 'A' ? 'B' : 'A') + jws.slice(at + 1)
}

function short(hex: string): string {
  return `${hex.slice(0, 4)}…${hex.slice(-2)}`
}

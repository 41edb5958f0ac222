/** Patients ask and report, staff answer once, and nobody sees what is another's. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { AskedQuestion, NewQuestion, PatientClient } from '../../clients/sdk/src/index.ts'
import { openTestWorld, type TestWorld } from '../../testkit/src/world/index.ts'

let world: TestWorld
let bob: PatientClient
const about = { kind: 'access', id: '12' } as const
const question: NewQuestion = { kind: 'question', about, text: 'Why did Dr Chen read this?' }
const rejects = (work: Promise<unknown>, code: string) =>
  assert.rejects(work, (error: { readonly code?: string }) => error.code === code)
const apiOf = ({ options }: PatientClient) => options.hospital
const ownOf = async (patient: PatientClient): Promise<readonly AskedQuestion[]> =>
  await apiOf(patient).questions(patient.requestSigner)

before(async () => {
  world = await openTestWorld()
  bob = await world.patient('bob')
})
after(() => world.close())

test('a patient asks, staff answer once, the patient reads the answer', async () => {
  const staff = world.hospital('a')
  const api = staff.options.hospital
  const asked = await apiOf(bob).ask(bob.requestSigner, question)
  assert.equal((await api.summary(staff.requestSigner)).today.questionsWaiting, 1)
  const [seen] = await api.questions(staff.requestSigner)
  assert.deepEqual([seen?.id, seen?.patient, seen?.text, seen?.answer], [asked.id, bob.ref, question.text, undefined])
  await api.answerQuestion(staff.requestSigner, asked.id, 'She was on duty that night.')
  await rejects(api.answerQuestion(staff.requestSigner, asked.id, 'Another one.'), 'HTTP_NOT_FOUND')
  const [own] = await ownOf(bob)
  assert.equal(own?.answer?.text, 'She was on duty that night.')
  const carol = await world.patient('carol')
  assert.deepEqual(await ownOf(carol), [])
})

test('what a report leads to is seen by the patient', async () => {
  const alice = await world.doctor('alice', { emergency: true })
  const { emergency } = await alice.openEmergency(bob.ref, 'other', 'no reason at all')
  await apiOf(bob).ask(bob.requestSigner, {
    kind: 'report',
    about: { kind: 'emergency', id: emergency },
    text: 'I was at home.',
  })
  const staff = world.hospital('a')
  const reportTx = await staff.options.hospital.reviewEmergency(staff.requestSigner, emergency, 'misuse')
  const [own] = await ownOf(bob)
  assert.deepEqual([own?.kind, own?.review?.verdict, own?.review?.reportTx], ['report', 'misuse', reportTx])
})

test('doctors neither ask nor read, patients do not answer, and what is malformed is refused', async () => {
  const alice = await world.doctor('alice')
  const { hospital } = alice.options
  await rejects(hospital.ask(alice.requestSigner, question), 'TEE_FORBIDDEN')
  await rejects(hospital.questions(alice.requestSigner), 'TEE_FORBIDDEN')
  const [first] = await ownOf(bob)
  await rejects(apiOf(bob).answerQuestion(bob.requestSigner, first?.id ?? '', 'I know.'), 'TEE_FORBIDDEN')
  for (const wrong of [
    { ...question, text: '' },
    { ...question, text: '   ' },
    { ...question, text: 'x'.repeat(2_049) },
    { ...question, kind: 'other' },
    { ...question, about: { kind: 'access', id: '../1' } },
  ]) {
    await rejects(apiOf(bob).ask(bob.requestSigner, wrong as NewQuestion), 'HTTP_BAD_REQUEST')
  }
})

test('a patient has at most 20 that wait', async () => {
  const dora = await world.patient('dora')
  for (let i = 0; i < 20; i++) await apiOf(dora).ask(dora.requestSigner, question)
  await rejects(apiOf(dora).ask(dora.requestSigner, question), 'HTTP_RATE_LIMITED')
  const staff = world.hospital('a')
  const [one] = await ownOf(dora)
  await staff.options.hospital.answerQuestion(staff.requestSigner, one?.id ?? '', 'Yes.')
  await apiOf(dora).ask(dora.requestSigner, question)
})

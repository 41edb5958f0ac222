import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNodeCrypto } from '../../crypto/src/node-crypto.ts'
import { openAppointment, sealAppointment, sealAppointmentWish, type Appointment } from './appointment.ts'
import { encodeCbor } from './cbor.ts'
import { sealEnvelope } from './envelope.ts'
import { newId, newRef } from './ids.ts'
import { deriveTreatmentKey } from './keys.ts'

const crypto = createNodeCrypto()
const key = deriveTreatmentKey(crypto, crypto.randomBytes(32), 1)
const patient = newRef(crypto, 'p')
const appointment: Appointment = {
  v: 1,
  appointmentId: newId(crypto, 't'),
  patientRef: patient,
  hospital: newRef(crypto, 'h'),
  department: 'Cardiology',
  doctors: [newRef(crypto, 'd')],
  startMs: 1,
  endMs: 2,
  place: 'Cardiology',
  symptoms: 'chest pain',
  aux: '',
}

test('an appointment opens for its patient and key', () => {
  assert.deepEqual(openAppointment(crypto, key, patient, sealAppointment(crypto, key, appointment)), appointment)
})

test('another key, another patient and a wish in its place are refused', () => {
  const sealed = sealAppointment(crypto, key, appointment)
  const rejected = { code: 'ENVELOPE_REJECTED' }
  const other = deriveTreatmentKey(crypto, crypto.randomBytes(32), 1)
  assert.throws(() => openAppointment(crypto, other, patient, sealed), rejected)
  assert.throws(() => openAppointment(crypto, key, newRef(crypto, 'p'), sealed), rejected)
  const wish = sealAppointmentWish(crypto, key, {
    v: 1,
    patientRef: patient,
    department: 'Cardiology',
    fromMs: 1,
    symptoms: '',
    aux: '',
    doctors: [],
  })
  assert.throws(() => openAppointment(crypto, key, patient, wish), { code: 'MESSAGE_MALFORMED' })
})

test('refused: another patient’s appointment in this patient’s envelope', () => {
  const other = newRef(crypto, 'p')
  const sealed = sealEnvelope(crypto, key, other, 'appointment', encodeCbor({ ...appointment }))
  assert.throws(() => openAppointment(crypto, key, other, sealed), { code: 'ENVELOPE_REJECTED' })
})

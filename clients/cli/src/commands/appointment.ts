/**
 * `trusthealth appointment …`: a patient books with an encrypted wish, or staff book at the front desk.
 *
 * @module
 */
import type { PractitionerRef } from '../../../../shared/protocol/src/index.ts'
import { DoctorClient } from '../../../sdk/src/doctor.ts'
import { HospitalClient } from '../../../sdk/src/hospital.ts'
import { PatientClient } from '../../../sdk/src/patient.ts'
import { doing, usageError } from '../command-error.ts'
import type { CommandRow, OptionValues } from '../command-row.ts'
import { connect, using } from '../connection.ts'
import type { Context } from '../context.ts'
import { formatMoment } from '../dates.ts'
import { shortId } from '../ids.ts'
import { momentOption } from '../moments.ts'
import { text, texts } from '../option-values.ts'
import { printable, table } from '../output.ts'
import { findAuthor, findPatient, partiesOf, type Parties } from '../parties.ts'

export const APPOINTMENT_COMMANDS: readonly CommandRow[] = [
  {
    path: 'appointment book',
    summary: 'book an appointment at your hospital',
    options: [
      { flags: '--department <name>', description: 'department', default: 'General' },
      { flags: '--doctor <name>', description: 'ask for this doctor; may be repeated', repeatable: true },
      { flags: '--from <date>', description: 'not before; a date or a span such as 2d' },
      { flags: '--symptoms <text>', description: 'what it is about; only the hospital can read it' },
      { flags: '--patient <name>', description: 'staff: for this patient' },
    ],
    examples: [
      'appointment book --department Cardiology --as bob',
      'appointment book --doctor alice --from 2026-11-18 --symptoms "chest pain" --as bob',
      'appointment book --patient bob --department Cardiology --as hospital-a',
    ],
    run: book,
  },
  {
    path: 'appointment list',
    summary: 'list your appointments',
    examples: [
      'appointment list --as bob',
      'appointment list --as alice',
      'appointment list --as hospital-a --json=lines',
    ],
    run: listAppointments,
  },
]

interface Shown {
  readonly appointmentId: string
  readonly patientRef: string
  readonly doctors: readonly string[]
  readonly startMs: number
  readonly endMs: number
  readonly place: string
  readonly department: string
  readonly patientName?: string
}

async function book(context: Context, _what: readonly string[], options: OptionValues): Promise<void> {
  await using(connect(context), async (connection) => {
    const { client, who } = connection
    const parties = partiesOf(context, connection)
    const doctors: PractitionerRef[] = []
    for (const name of texts(options, 'doctor') ?? [])
      doctors.push((await findAuthor(parties, name)) as PractitionerRef)
    const wish = {
      department: text(options, 'department') ?? 'General',
      fromMs: momentOption(context, '--from', text(options, 'from')) ?? context.clock.nowMs(),
      symptoms: text(options, 'symptoms') ?? '',
      aux: '',
      doctors,
    }
    const booked = await doing('Not booked', async () => {
      if (client instanceof PatientClient) return await client.book(wish)
      if (!(client instanceof HospitalClient)) throw usageError('Patients and staff book appointments.')
      const patient = text(options, 'patient')
      if (patient === undefined) throw usageError('For whom? The patient is missing.', '--patient NAME')
      return await client.assign({ patient: await findPatient(parties, patient), ...wish })
    })
    const names = booked.doctors.map((ref) => parties.nameOf(ref))
    const allow = booked.doctors.map((ref) => `--doctor ${shortId(ref)}`).join(' ')
    await parties.complete()
    context.output.result(
      appointmentJson(booked),
      `Booked: ${formatMoment(booked.startMs)}, ${booked.doctors.map((ref) => parties.nameOf(ref)).join(', ')}, ${booked.place}.\n` +
        (who.identity.kind === 'patient'
          ? `Allow ${names.length === 1 ? 'the doctor' : 'the doctors'} to see your records:  trusthealth warrant issue ${allow} --until 7d --as ${who.slug}`
          : 'The patient can now allow the doctor to see the records.'),
    )
  })
}

async function listAppointments(context: Context): Promise<void> {
  await using(connect(context), async (connection) => {
    const { client } = connection
    const parties = partiesOf(context, connection)
    const found: readonly Shown[] = await doing('Not listed', async () => {
      if (client instanceof PatientClient) return await client.appointments()
      if (client instanceof DoctorClient || client instanceof HospitalClient) return await client.appointments()
      throw usageError('This key has no appointments.')
    })
    await parties.complete()
    const sorted = found.toSorted((a, b) => a.startMs - b.startMs)
    context.output.list(
      sorted.map(appointmentJson),
      table(
        sorted.map((one) => rowOf(one, parties)),
        'No appointments.',
      ),
    )
  })
}

function rowOf(one: Shown, parties: Parties): string[] {
  const patient = one.patientName === undefined ? [] : [printable(one.patientName)]
  return [
    formatMoment(one.startMs),
    ...patient,
    one.doctors.map((ref) => parties.nameOf(ref)).join(', '),
    printable(one.place),
    shortId(one.appointmentId),
  ]
}

function appointmentJson({ appointmentId, patientRef, doctors, department, startMs, endMs, place }: Shown): object {
  return { appointment: appointmentId, patient: patientRef, doctors, department, startMs, endMs, place }
}

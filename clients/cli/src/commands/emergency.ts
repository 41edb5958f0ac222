/**
 * `trusthealth emergency …`: a doctor opens a patient's records without asking first. The patient and the hospital are
 * told, and it ends by itself.
 *
 * @module
 */
import type { EmergencyId } from '../../../../shared/protocol/src/index.ts'
import type { EmergencyReason } from '../../../sdk/src/doctor.ts'
import type { Verdict } from '../../../sdk/src/hospital-answers/reviews.ts'
import type { Emergency } from '../../../sdk/src/participant.ts'
import { confirmStep } from '../ask.ts'
import { CommandError, doing, usageError } from '../command-error.ts'
import type { CommandRow, OptionValues } from '../command-row.ts'
import { connect, connectDoctor, connectHospital, using } from '../connection.ts'
import type { Context } from '../context.ts'
import { formatMoment, formatTime } from '../dates.ts'
import { resolveId, shortId } from '../ids.ts'
import { requiredText, text } from '../option-values.ts'
import { printable, table } from '../output.ts'
import { findPatient, partiesOf, type Parties } from '../parties.ts'
import { rememberedIds, rememberIds } from '../remembered.ts'

const REASONS: readonly EmergencyReason[] = ['unconscious', 'danger-to-life', 'danger-to-others', 'other']
const FEWEST_CHARACTERS = 10
const VERDICTS: readonly Verdict[] = ['justified', 'follow-up', 'misuse']

export const EMERGENCY_COMMANDS: readonly CommandRow[] = [
  {
    path: 'emergency open',
    summary: "open a patient's records without asking first",
    details: 'Only doctors with the emergency attribute. The patient and the hospital are told; it ends by itself.',
    options: [
      { flags: '--patient <name>', description: 'the patient' },
      { flags: '--reason <reason>', description: 'why', choices: REASONS },
      { flags: '--text <words>', description: `why, in at least ${FEWEST_CHARACTERS} characters` },
    ],
    examples: [
      'emergency open --patient bob --reason unconscious --text "on arrival" --as wei',
      'emergency open --patient bob --reason other --text "cannot speak" --yes --as wei',
      'emergency open --patient bob --reason other --text "no papers, no name" --as wei',
    ],
    run: openEmergency,
  },
  {
    path: 'emergency close',
    what: '<emergency>',
    summary: 'close an emergency access before it ends',
    examples: [
      'emergency close e-02d4e6f8 --as wei',
      'emergency close e-02d4e6f8 --json --as wei',
      'emergency list --as bob',
    ],
    run: closeEmergency,
  },
  {
    path: 'emergency list',
    summary: 'list emergency access to your records, or to those of your patients',
    options: [{ flags: '--patient <name>', description: "a hospital's staff: of this patient" }],
    examples: ['emergency list --as bob', 'emergency list --as hospital-a', 'emergency list --as bob --json=lines'],
    run: listEmergencies,
  },
  {
    path: 'emergency review',
    what: '<emergency>',
    summary: "a hospital's staff say what they found; misuse goes on the shared ledger",
    options: [
      { flags: '--verdict <verdict>', description: 'what was found', choices: VERDICTS },
      { flags: '--note <words>', description: 'kept by the hospital only' },
    ],
    examples: [
      'emergency review e-02d4e6f8 --verdict justified --as hospital-a',
      'emergency review e-02d4e6f8 --verdict follow-up --note "ask Dr Chen" --as hospital-a',
      'emergency review e-02d4e6f8 --verdict misuse --yes --as hospital-a',
    ],
    run: reviewEmergency,
  },
]

async function openEmergency(context: Context, _what: readonly string[], options: OptionValues): Promise<void> {
  const given = requiredText(options, 'patient', '--patient', 'Whose? The patient')
  const reason = requiredText(options, 'reason', '--reason', 'The reason') as EmergencyReason
  const why = requiredText(options, 'text', '--text', 'The reason in words')
  if (why.length < FEWEST_CHARACTERS) throw usageError(`--text has at least ${FEWEST_CHARACTERS} characters.`)
  await using(connectDoctor(context), async (connection) => {
    const { client, who } = connection
    const parties = partiesOf(context, connection)
    const patient = await findPatient(parties, given)
    const name = parties.nameOf(patient)
    const told = `${name} and the hospital are told now. Your name, the time and this reason go into a log nobody can edit.`
    if (context.flags.dryRun === true) {
      context.output.result({ patient, reason, dryRun: true }, told)
      return
    }
    await confirmStep(context, `Open the records of ${name}? ${told} Go on?`)
    const opened = await doing('Not opened', () => client.openEmergency(patient, reason, why))
    rememberIds(context.state, who.slug, [opened.emergency])
    context.output.result(
      { emergency: opened.emergency, patient, untilMs: opened.untilMs },
      `${told}\nOpen until ${formatTime(opened.untilMs)}:  trusthealth record list --patient ${given} --as ${who.slug}\n` +
        `Close it:  trusthealth emergency close ${shortId(opened.emergency)} --as ${who.slug}`,
    )
  })
}

async function closeEmergency(context: Context, what: readonly string[]): Promise<void> {
  await using(connectDoctor(context), async ({ client, who }) => {
    const known = () => rememberedIds(context.state, who.slug)
    const emergency = await resolveId('e', what[0] as string, known, 'emergency access')
    await doing('Not closed', () => client.closeEmergency(emergency as EmergencyId))
    context.output.result(
      { emergency, closed: true },
      `Closed ${shortId(emergency)}. Nothing more can be opened under it.`,
    )
  })
}

async function reviewEmergency(context: Context, what: readonly string[], options: OptionValues): Promise<void> {
  const verdict = requiredText(options, 'verdict', '--verdict', 'What was found') as Verdict
  await using(connectHospital(context), async (connection) => {
    const { hospital } = connection.client.options
    const as = connection.client.requestSigner
    const all = await doing('Not reviewed', () => hospital.reviewedEmergencies(as))
    const known = () => all.map((one) => one.emergency)
    const id = await resolveId('e', what[0] as string, known, 'emergency access')
    const found = all.find(({ emergency }) => emergency === id)
    if (found === undefined) throw new CommandError('HTTP_NOT_FOUND', { what: 'No such emergency access.' })
    const doctor = found.doctorName === undefined ? shortId(found.doctor) : printable(found.doctorName)
    const lasting =
      `The report goes on the shared ledger and cannot be deleted. Access that patients gave to ${doctor} rests ` +
      "until the doctor's own hospital reinstates the doctor."
    if (context.flags.dryRun === true) {
      const words = verdict === 'misuse' ? `Would report ${doctor}. ${lasting}` : `Would be kept: ${verdict}.`
      context.output.result({ emergency: id, verdict, dryRun: true }, words)
      return
    }
    if (verdict === 'misuse') await confirmStep(context, `Report misuse by ${doctor}? ${lasting} Go on?`)
    const reportTx = await doing('Not reviewed', () => hospital.reviewEmergency(as, id, verdict, text(options, 'note')))
    const words = reportTx === undefined ? `Kept: ${verdict}.` : `Reported.  trusthealth ledger show ${reportTx}`
    context.output.result({ emergency: id, verdict, ...(reportTx === undefined ? {} : { reportTx }) }, words)
  })
}

async function listEmergencies(context: Context, _what: readonly string[], options: OptionValues): Promise<void> {
  await using(connect(context), async (connection) => {
    const parties = partiesOf(context, connection)
    const given = text(options, 'patient')
    const patient = given === undefined ? undefined : await findPatient(parties, given)
    const found = await doing('Not listed', () => connection.client.emergencies(patient))
    await parties.complete()
    context.output.list(
      found,
      table(
        found.map((one) => rowOf(one, parties)),
        'No emergency access.',
      ),
    )
  })
}

function rowOf(one: Emergency, parties: Parties): string[] {
  const known = parties.nameOf(one.doctor)
  const doctor =
    known === shortId(one.doctor) && one.doctorName !== undefined ? `Dr ${printable(one.doctorName)}` : known
  const end = one.closedMs === undefined ? `until ${formatTime(one.untilMs)}` : `closed ${formatTime(one.closedMs)}`
  return [
    formatMoment(one.openedMs),
    doctor,
    parties.nameOf(one.patient),
    `${one.reason}: "${printable(one.text)}"`,
    end,
    shortId(one.emergency),
  ]
}

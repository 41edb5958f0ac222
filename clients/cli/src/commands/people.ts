/**
 * `trusthealth hospital|doctor|patient …`: who is registered, and registering more. A key is made on this device; the
 * hospital gets its public half and a code proves that the hospital knows the person.
 *
 * @module
 */
import { HospitalClient } from '../../../sdk/src/hospital.ts'
import { confirmStep } from '../ask.ts'
import { CommandError, doing, usageError } from '../command-error.ts'
import type { CommandRow, OptionRow, OptionValues } from '../command-row.ts'
import { connect, connectHospital, using, type Connection } from '../connection.ts'
import type { Context } from '../context.ts'
import { formatDate } from '../dates.ts'
import { findIdentity, listIdentities, type StoredIdentity } from '../identities.ts'
import { shortId } from '../ids.ts'
import { requiredText, text } from '../option-values.ts'
import { printable, table } from '../output.ts'
import { findDoctor, findPatient, partiesOf } from '../parties.ts'
import { registerPerson } from '../registration.ts'
import { slugOf } from '../state-folder.ts'
import { requireSystem } from '../system-file.ts'

const HOSPITAL: OptionRow = {
  flags: '--hospital <name>',
  description: 'the hospital; else that of --as, or the only one',
}
const CODE: OptionRow = {
  flags: '--code <code>',
  description: 'a code that the hospital gave; else its staff key here makes one',
}
const DEVICE: OptionRow = { flags: '--device <label>', description: 'name of this device', default: 'this device' }

export const PEOPLE_COMMANDS: readonly CommandRow[] = [
  {
    path: 'hospital list',
    summary: 'list the hospitals of this system',
    examples: ['hospital list', 'hospital list --json', 'start --hospital "Hospital A" --hospital "Hospital B"'],
    run: listHospitals,
  },
  {
    path: 'hospital register',
    summary: 'let a further hospital join this system, also while it runs',
    details:
      'Makes its keys on this machine. The organisations whose administrators are here sign that it joins the ledger and\n' +
      'the record server; then its program starts. The same command again goes on where it was cut off.',
    options: [{ flags: '--name <name>', description: 'name of the hospital' }],
    examples: [
      'hospital register --name "Hospital C"',
      'hospital register --name "Hospital C" --json',
      'hospital register --name "Hospital C" --dry-run',
    ],
    async run(context, _what, options) {
      const { registerHospital } = await import('../system/register-hospital.ts')
      await registerHospital(context, requiredText(options, 'name', '--name', 'The name of the hospital'))
    },
  },
  {
    path: 'doctor register',
    what: '<name>',
    summary: 'register a doctor, with a key made on this device',
    options: [
      HOSPITAL,
      { flags: '--department <name>', description: 'department', default: 'General' },
      { flags: '--emergency', description: 'may use emergency access' },
      CODE,
      DEVICE,
    ],
    examples: [
      'doctor register "Alice Martin" --hospital hospital-a --department Cardiology',
      'doctor register "Wei Chen" --hospital hospital-b --emergency',
      'doctor register "Alice Martin" --hospital hospital-a --code 7KQ2MXWD9RTA',
    ],
    run: (context, what, options) => register(context, 'practitioner', what[0] as string, options),
  },
  {
    path: 'doctor list',
    summary: 'list the doctors of your hospital',
    options: [HOSPITAL],
    examples: ['doctor list --as hospital-a', 'doctor list --as bob', 'doctor list --as alice --json'],
    run: listDoctors,
  },
  {
    path: 'patient register',
    what: '<name>',
    summary: 'register a patient, with a key made on this device',
    options: [
      HOSPITAL,
      { flags: '--birth-date <date>', description: 'as the front desk wrote it down: 1962-03-03' },
      { flags: '--contact <address>', description: 'where notices go' },
      { flags: '--checked-by <name>', description: 'who checked the identity', default: 'front desk' },
      CODE,
      DEVICE,
    ],
    examples: [
      'patient register "Bob Li" --hospital hospital-a',
      'patient register "Bob Li" --hospital hospital-a --birth-date 1962-03-03',
      'patient register "Bob Li" --hospital hospital-a --code 7KQ2MXWD9RTA',
    ],
    run: (context, what, options) => register(context, 'patient', what[0] as string, options),
  },
  {
    path: 'patient invite',
    what: '<name>',
    summary: 'make a code with which a patient registers on an own device',
    options: [
      HOSPITAL,
      { flags: '--checked-by <name>', description: 'who checked the identity', default: 'front desk' },
    ],
    examples: [
      'patient invite "Bob Li" --as hospital-a',
      'patient invite "Bob Li" --hospital hospital-b',
      'patient invite "Bob Li" --as hospital-a --json',
    ],
    run: invitePatient,
  },
  {
    path: 'patient list',
    summary: 'list the patients of a hospital, for its staff',
    options: [HOSPITAL],
    examples: [
      'patient list --as hospital-a',
      'patient list --hospital hospital-b',
      'patient list --as hospital-a --json=lines',
    ],
    run: listPatients,
  },
  ...(['patient', 'doctor'] as const).map((kind): CommandRow => ({
    path: `${kind} rekey`,
    what: '<name>',
    summary: `staff saw the identity document of a ${kind} who lost every device`,
    details:
      'Two must say so: this hospital here, and a member of staff in the portal. The second one gets a code for the new\n' +
      'device; when it is used, the old keys end.',
    options: [HOSPITAL],
    examples: [
      `${kind} rekey ${kind === 'patient' ? 'bob' : 'alice'} --as hospital-a`,
      `${kind} rekey ${kind === 'patient' ? 'bob' : 'alice'} --as hospital-a --dry-run`,
      `${kind} register "${kind === 'patient' ? 'Bob Li' : 'Alice Martin'}" --hospital hospital-a --code K7Q2M9XD4TRP`,
    ],
    run: (context, what, options) => rekey(context, kind, what[0] as string, options),
  })),
]

async function listHospitals(context: Context): Promise<void> {
  const { consortium, system } = requireSystem(context.state)
  const rows = consortium.hospitals.map(({ name, slug, ref, mspId }) => [
    name,
    slug,
    system.programs[slug]?.state ?? 'stopped',
    mspId,
    shortId(ref),
  ])
  const data = consortium.hospitals.map((one) => ({ ...one, url: system.programs[one.slug]?.url ?? null }))
  context.output.list(data, table(rows, 'No hospitals.'))
  await Promise.resolve()
}

async function register(
  context: Context,
  kind: 'patient' | 'practitioner',
  name: string,
  options: OptionValues,
): Promise<void> {
  const { output, flags } = context
  const { consortium, system } = requireSystem(context.state)
  const hospitalName = hospitalNameOf(context, options)
  const hospital = consortium.hospitals.find(
    ({ slug, name: full }) => slug === slugOf(hospitalName) || full === hospitalName,
  )
  if (hospital === undefined) throw usageError(`There is no hospital "${hospitalName}".`, 'trusthealth hospital list')
  const word = kind === 'patient' ? 'patient' : 'doctor'
  if (flags.dryRun === true) {
    output.result({ name, kind, hospital: hospital.slug }, `Would register ${name} as a ${word} of ${hospital.name}.`)
    return
  }
  const birthDate = text(options, 'birthDate')
  const contact = text(options, 'contact')
  const registered = await doing('Not registered', async () => {
    const code = text(options, 'code') ?? (await invite())
    return await registerPerson(context, {
      system,
      hospital,
      name,
      code,
      device: requiredText(options, 'device', '--device', 'The name of the device'),
    })
  })
  const { slug, identity } = registered
  output.result(
    { name, as: slug, ref: identity.ref, hospital: hospital.slug },
    `${kind === 'patient' ? name : `Dr ${name}`} is registered at ${hospital.name}. The key stays on this device.\n` +
      `Act with it:  --as ${slug}`,
  )

  async function invite(): Promise<string> {
    return await using(connectHospital(context, hospital?.slug), async ({ client }) => {
      const details =
        kind === 'patient'
          ? {
              identityCheckedBy: text(options, 'checkedBy') ?? 'front desk',
              ...(birthDate === undefined ? {} : { birthDate }),
              ...(contact === undefined ? {} : { contact }),
            }
          : { department: text(options, 'department') ?? 'General', emergency: options['emergency'] === true }
      return (await client.invite({ kind, name, ...details })).code
    })
  }
}

async function invitePatient(context: Context, what: readonly string[], options: OptionValues): Promise<void> {
  const name = what[0] as string
  await using(connectHospital(context, text(options, 'hospital')), async ({ client, who }) => {
    const invitation = { kind: 'patient', name, identityCheckedBy: text(options, 'checkedBy') ?? 'front desk' } as const
    const { code, expiresMs } = await doing('No code was made', () => client.invite(invitation))
    context.output.result(
      { code, expiresMs },
      `Code for ${name}, good until ${formatDate(expiresMs)}: ${code}\n` +
        `On the patient's device:  trusthealth patient register "${name}" --hospital ${who.slug} --code ${code}`,
    )
  })
}

async function rekey(
  context: Context,
  kind: 'patient' | 'doctor',
  given: string,
  options: OptionValues,
): Promise<void> {
  await using(connectHospital(context, text(options, 'hospital')), async (connection) => {
    const { client, who } = connection
    const parties = partiesOf(context, connection)
    const person = kind === 'patient' ? await findPatient(parties, given) : await findDoctor(parties, given)
    const name = parties.nameOf(person)
    const words = `When the code for the new device is used, all earlier keys of ${name} end.`
    if (context.flags.dryRun === true) {
      context.output.result({ person, dryRun: true }, `Would confirm the identity of ${name}. ${words}`)
      return
    }
    await confirmStep(context, `Has ${who.name} seen the identity document of ${name}? ${words} Go on?`)
    const state = await doing('Not confirmed', () => client.options.hospital.confirmRekey(client.requestSigner, person))
    if (state.state === 'waiting') {
      const next = 'A member of staff must confirm it too, within an hour: portal, People.'
      context.output.result({ person, state: 'waiting' }, `Confirmed. ${next}`)
      return
    }
    context.output.result(
      { person, state: 'ready', code: state.code, expiresMs: state.expiresMs },
      `Code for the new device, good until ${formatDate(state.expiresMs)}: ${state.code}\n` +
        `There:  trusthealth ${kind} register "${name}" --hospital ${who.slug} --code ${state.code}`,
    )
  })
}

async function listDoctors(context: Context, _what: readonly string[], options: OptionValues): Promise<void> {
  await using(connectionOf(context, text(options, 'hospital')), async ({ client }) => {
    const doctors = await doing('Not listed', () => client.options.hospital.practitioners(client.requestSigner))
    const here = keysHere(context)
    const rows = doctors.map(({ name, department, ref }) => [
      `Dr ${printable(name)}`,
      printable(department),
      here.get(ref) ?? '',
      shortId(ref),
    ])
    context.output.list(
      doctors.map((doctor) => ({ ...doctor, as: here.get(doctor.ref) ?? null })),
      table(rows, 'No doctors.'),
    )
  })
}

async function listPatients(context: Context, _what: readonly string[], options: OptionValues): Promise<void> {
  const connection = connectionOf(context, text(options, 'hospital'))
  const { client } = connection
  if (!(client instanceof HospitalClient)) throw usageError("A hospital's staff list its patients.", '--as hospital-a')
  await using(connection, async () => {
    const patients = await doing('Not listed', () => client.patients())
    const here = keysHere(context)
    const rows = patients.map(({ name, ref, registeredMs, provisionedVersion }) => [
      printable(name),
      formatDate(registeredMs),
      provisionedVersion > 0 ? '' : 'waits for the record server',
      here.get(ref) ?? '',
      shortId(ref),
    ])
    context.output.list(
      patients.map(({ name, ref, registeredMs, provisionedVersion }) => ({
        name,
        ref,
        registeredMs,
        provisionedVersion,
        as: here.get(ref) ?? null,
      })),
      table(rows, 'No patients.'),
    )
  })
}

function connectionOf(context: Context, hospital: string | undefined): Connection {
  return hospital === undefined ? connect(context) : connectHospital(context, hospital)
}

/** References of keys on this device, with the name for `--as`. */
function keysHere({ state, crypto }: Context): ReadonlyMap<string, string> {
  return new Map(listIdentities(state, crypto).map(({ identity, slug }) => [identity.ref, slug]))
}

/** `--hospital`, else the hospital that `--as` is or belongs to, else the only one. */
function hospitalNameOf(context: Context, options: OptionValues): string {
  const given = text(options, 'hospital')
  if (given !== undefined) return given
  const { consortium } = requireSystem(context.state)
  const as = context.flags.as
  const who: StoredIdentity | undefined = as === undefined ? undefined : findIdentity(context.state, context.crypto, as)
  const ref = who?.identity.kind === 'organization' ? who.identity.ref : who?.hospital?.ref
  const found = consortium.hospitals.find((one) => one.ref === ref)
  if (found !== undefined) return found.slug
  const [only] = consortium.hospitals
  if (only !== undefined && consortium.hospitals.length === 1) return only.slug
  throw new CommandError('CLIENT_USAGE', { what: 'Which hospital?', next: '--hospital hospital-a' })
}

/**
 * What a new system starts with, so that every command has something to show: doctors, an auditor, Bob with one blood test,
 * and practice patients with real FHIR R4 records (synthetic people of data/synthea, and the patients of HL7's own
 * examples where that package is installed). Everything goes the way that real data goes: invitation, own key,
 * registration warrant, import.
 *
 * Limits: what does not fit into the time is left for `trusthealth record import`; the import goes on where it was.
 *
 * @module
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Organization } from '../../../../hospital/src/index.ts'
import { encodeBase64url } from '../../../../shared/crypto/src/index.ts'
import type { ParticipantRegistration } from '../../../../shared/ledger-model/src/index.ts'
import { newRef } from '../../../../shared/protocol/src/index.ts'
import { openLedger, submitCall } from '../../../../ledger/client/src/index.ts'
import { createKeys, signerOf, type Identity } from '../../../sdk/src/identity.ts'
import { commandHere } from '../calling.ts'
import { connectHospital } from '../connection.ts'
import type { Context } from '../context.ts'
import { keepIdentity, listIdentities } from '../identities.ts'
import { importFile } from '../import/importer.ts'
import { ImportJournal } from '../import/journal.ts'
import { PatientNames } from '../import/patient-names.ts'
import { registerFromResource, registerPracticePatient, type PracticePlace } from '../import/practice-patients.ts'
import { startProgress } from '../import/progress.ts'
import { importTarget } from '../import/targets.ts'
import { registerPerson } from '../registration.ts'
import { LEDGER_PROGRAM, urlOf, type HospitalEntry } from '../system-file.ts'
import { PRODUCT_FOLDER } from '../version.ts'
import { numberWords } from '../words.ts'
import { readJsonFile, writePrivateFile } from '../files.ts'
import { storeFirstVisit } from './first-visit.ts'
import { openOperator } from './operator.ts'
import type { RunningSystem } from './system.ts'

const SYNTHEA = join(PRODUCT_FOLDER, 'data', 'synthea')
const HL7_EXAMPLES = join(PRODUCT_FOLDER, 'node_modules', 'hl7.fhir.r4.examples')
/** Patients of HL7's examples that many other examples name. */
const HL7_PATIENTS = ['example', 'f001', 'f201'] as const
/** First a part of every patient, then the rest while there is time. */
const ITEMS_IN_FIRST_ROUND = 40
const BUDGET_MS = 35_000

/** Doctors of the first two hospitals. */
const DOCTORS = [
  { hospital: 0, name: 'Alice Martin', department: 'Cardiology', emergency: false },
  { hospital: 1, name: 'Wei Chen', department: 'Emergency', emergency: true },
  { hospital: 1, name: 'Omar Haddad', department: 'General', emergency: false },
] as const

interface Source {
  readonly path: string
  readonly name: string
  readonly place: PracticePlace
}

/** Does what was not done before; ends early, between two batches, when `signal` is aborted. */
export async function loadFirstData(context: Context, system: RunningSystem, signal: AbortSignal): Promise<void> {
  const marker = join(context.state.imports, 'first-data.json')
  if (readJsonFile(marker) !== undefined) return
  const places = system.consortium.hospitals.map((hospital) => placeOf(context, system, hospital))
  try {
    await makeAuditor(context, system)
    await registerPeople(context, places)
    const sources = findSources(context, places)
    const isWhole = await importAll(context, sources, signal)
    if (signal.aborted) return
    writePrivateFile(marker, `${JSON.stringify({ v: 1, isWhole, doneMs: context.clock.nowMs() })}\n`)
  } finally {
    for (const { staff } of places) staff.close()
  }
}

function placeOf(context: Context, { consortium, current }: RunningSystem, hospital: HospitalEntry): PracticePlace {
  return { consortium, system: current, hospital, staff: connectHospital(context, hospital.slug).client }
}

/** People who are not there yet, by name. */
async function registerPeople(context: Context, places: readonly PracticePlace[]): Promise<void> {
  const known = new Set(listIdentities(context.state, context.crypto).map(({ name }) => name))
  for (const { hospital: index, name, department, emergency } of DOCTORS) {
    const place = places[index % places.length]
    if (place === undefined || known.has(name)) continue
    const { staff, system, hospital } = place
    const { code } = await staff.invite({ kind: 'practitioner', name, department, emergency })
    await registerPerson(context, { system, hospital, name, code, device: 'practice' })
  }
  const [first] = places
  if (first !== undefined && !known.has('Bob Li')) {
    const bob = await registerPracticePatient(context, first, { name: 'Bob Li', birthDate: '1962-03-03' })
    await storeFirstVisit(context, first, { patient: bob.slug, doctor: 'alice-martin' })
  }
}

/** Somebody who may read the whole ledger and no record. */
async function makeAuditor(context: Context, system: RunningSystem): Promise<void> {
  const { state, crypto } = context
  if (listIdentities(state, crypto).some(({ identity }) => identity.kind === 'auditor')) return
  const { organization } = await openOperator(context)
  const keys = createKeys(crypto)
  const ref = newRef(crypto, 'a')
  const { publicKey } = keys.signingKey
  const { chain, serialHex } = await organization.authority.issue({ role: 'auditor', ref, publicKey })
  await registerOnLedger(context, system, organization, {
    ref,
    kind: 'auditor',
    publicKey: encodeBase64url(publicKey),
    sealKey: encodeBase64url(keys.sealKey.publicKey),
    certSerial: serialHex,
    attributes: {},
  })
  const identity: Identity = {
    kind: 'auditor',
    ref,
    mspId: organization.mspId,
    signer: signerOf(crypto, keys.signingKey),
    sealKey: keys.sealKey,
    credential: { kind: 'x509', chain },
  }
  keepIdentity(state, crypto, keys, { identity, name: 'auditor' })
}

async function registerOnLedger(
  { crypto }: Context,
  { consortium, current }: RunningSystem,
  { admin }: Organization,
  registration: ParticipantRegistration,
): Promise<void> {
  const url = urlOf(current, LEDGER_PROGRAM)
  const ledger = await openLedger(url, { crypto, channel: consortium.channel, identity: admin })
  try {
    await submitCall(ledger, admin, { fn: 'registerParticipant', args: [JSON.stringify(registration)] })
  } finally {
    await ledger.close()
  }
}

/** Bundles of patients, each for one hospital in turn. */
function findSources(context: Context, places: readonly PracticePlace[]): Source[] {
  const files = existsSync(SYNTHEA)
    ? readdirSync(SYNTHEA)
        .filter((name) => /^patient-\d+\.json(\.gz)?$/.test(name))
        .toSorted()
        .map((name) => join(SYNTHEA, name))
    : []
  const all = [...files, ...hl7Sources(context)]
  return all.map((path, i) => ({ path, name: basename(path), place: places[i % places.length] as PracticePlace }))
}

/** One Bundle for each patient of the examples, with everything that names the patient, made in the state folder. */
function hl7Sources({ state }: Context): string[] {
  if (!existsSync(HL7_EXAMPLES)) return []
  const missing = HL7_PATIENTS.filter((id) => !existsSync(hl7File(state.imports, id)))
  if (missing.length > 0) {
    const found = new Map<string, string[]>(missing.map((id) => [id, []]))
    for (const name of readdirSync(HL7_EXAMPLES)) {
      if (!/^[A-Z][A-Za-z]+-.*\.json$/.test(name) || DEFINITIONS.test(name)) continue
      const text = readFileSync(join(HL7_EXAMPLES, name), 'utf8')
      for (const id of missing) {
        if (name === `Patient-${id}.json`) found.get(id)?.unshift(text)
        else if (text.includes(`"Patient/${id}"`)) found.get(id)?.push(text)
      }
    }
    for (const [id, texts] of found) writePrivateFile(hl7File(state.imports, id), bundleOf(texts))
  }
  return HL7_PATIENTS.map((id) => hl7File(state.imports, id))
}

/** Resources about FHIR itself: large, and about nobody. */
const DEFINITIONS =
  /^(Bundle|CapabilityStatement|CodeSystem|CompartmentDefinition|ConceptMap|ImplementationGuide|NamingSystem|OperationDefinition|SearchParameter|StructureDefinition|StructureMap|ValueSet)-/

function hl7File(folder: string, id: string): string {
  return join(folder, `hl7-${id}.json`)
}

function bundleOf(resources: readonly string[]): string {
  const entries = resources.map((text) => `{"resource":${text.trim()}}`)
  return `{"resourceType":"Bundle","type":"collection","entry":[${entries.join(',')}]}\n`
}

/** @returns whether everything was imported. */
async function importAll(context: Context, sources: readonly Source[], signal: AbortSignal): Promise<boolean> {
  const { state, clock, output } = context
  const stop = AbortSignal.any([signal, AbortSignal.timeout(BUDGET_MS)])
  const progress = startProgress(context, 'Practice patients')
  const journals: ImportJournal[] = []
  const show = () => {
    const stored = journals.reduce((sum, one) => sum + one.state.stored, 0)
    const begun = journals.filter(({ state: { position, isDone } }) => position > 0 || isDone).length
    const ended = journals.filter((one) => one.state.isDone).length
    progress.update(begun + ended, 2 * journals.length, `${numberWords(stored)} records of ${begun} patients`)
  }
  try {
    for (const { path, name, place } of sources) {
      journals.push(await ImportJournal.open(state.imports, path, name, `${place.staff.ref} `))
    }
    for (const maxItems of [ITEMS_IN_FIRST_ROUND, Number.MAX_SAFE_INTEGER]) {
      for (const [i, { path, name, place }] of sources.entries()) {
        const journal = journals[i] as ImportJournal
        // The first round is done for everybody, whatever the time.
        if (signal.aborted || (stop.aborted && maxItems !== ITEMS_IN_FIRST_ROUND)) continue
        const target = targetFor(context, place)
        const within = maxItems === ITEMS_IN_FIRST_ROUND ? signal : stop
        await importFile({
          path,
          name,
          journal,
          target,
          signal: within,
          maxItems,
          onProgress: show,
          nowMs: () => clock.nowMs(),
        })
      }
    }
  } finally {
    progress.end()
  }
  const stored = journals.reduce((sum, one) => sum + one.state.stored, 0)
  const rest = sources.filter((_source, i) => journals[i]?.state.isDone === false)
  output.note(`Practice data: ${numberWords(stored)} records of ${sources.length} patients.`)
  const [next] = rest
  if (next !== undefined) {
    const command = `record import ${relative(next.path)} --register-patients --as ${next.place.hospital.slug}`
    output.note(`The rest, when you want it:  ${commandHere(context, command)}`)
  }
  return rest.length === 0
}

function targetFor(context: Context, place: PracticePlace) {
  const names = PatientNames.open(context.state.imports, place.hospital.slug)
  return importTarget({
    author: place.staff,
    names,
    register: async (resource) => (await registerFromResource(context, place, resource)).ref,
  })
}

function relative(path: string): string {
  return path.startsWith(PRODUCT_FOLDER) ? path.slice(PRODUCT_FOLDER.length) : path
}

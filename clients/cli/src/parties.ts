/**
 * Patients, doctors and hospitals as people name them, and the other way round. Names of keys on this device and of
 * the system's hospitals are known here; other doctors are looked up in the hospital's directory and in those that other
 * hospitals publish.
 *
 * @module
 */
import {
  isPatientRef,
  isPractitionerRef,
  participantRefShape,
  type AuthorRef,
  type HospitalRef,
  type ParticipantRef,
  type PatientRef,
  type PractitionerRef,
} from '../../../shared/protocol/src/index.ts'
import { readDirectories } from '../../sdk/src/directories.ts'
import { CommandError } from './command-error.ts'
import type { Connection } from './connection.ts'
import type { Context } from './context.ts'
import { listIdentities, type StoredIdentity } from './identities.ts'
import { isWholeId, matchingIds, shortId } from './ids.ts'
import { printable } from './output.ts'
import { slugOf } from './state-folder.ts'
import { nearest } from './suggest.ts'

export type PartyLetter = 'p' | 'd' | 'h'
const WORDS = { p: 'patient', d: 'doctor', h: 'hospital' } as const

interface Party {
  readonly ref: ParticipantRef
  readonly name: string
  /** The other hospital whose list gives the name: its word, until the ledger was asked. */
  readonly listedBy?: HospitalRef
}

/** Everybody this command can put a name to. */
export class Parties {
  readonly #byRef = new Map<string, Party>()
  readonly #fetchMore: () => Promise<readonly Party[]>
  #isComplete = false

  constructor(known: readonly Party[], fetchMore: () => Promise<readonly Party[]>) {
    for (const party of known) this.#byRef.set(party.ref, party)
    this.#fetchMore = fetchMore
  }

  /** Loads the directory too; without it, names of doctors who have no key on this device stay references. */
  async complete(): Promise<this> {
    if (this.#isComplete) return this
    this.#isComplete = true
    for (const party of await this.#fetchMore()) if (!this.#byRef.has(party.ref)) this.#byRef.set(party.ref, party)
    return this
  }

  /** "Dr Alice Martin", "Hospital A", "Bob Li", or the shortened reference. */
  nameOf(ref: string): string {
    const party = this.#byRef.get(ref)
    if (party === undefined) return shortId(ref)
    const name = printable(party.name)
    return ref.startsWith('d-') ? `Dr ${name}` : name
  }

  /** The other hospital whose list gives this name. */
  listedBy(ref: string): HospitalRef | undefined {
    return this.#byRef.get(ref)?.listedBy
  }

  /**
   * @param letters kinds that may be meant.
   * @throws {CommandError} `CLIENT_USAGE`
   */
  async find(given: string, letters: readonly PartyLetter[]): Promise<ParticipantRef> {
    for (const letter of letters) if (isWholeId(letter, given)) return participantRefShape(given, 'reference')
    const here = this.#match(given, letters)
    if (here.length === 1 && here[0] !== undefined) return here[0].ref
    await this.complete()
    const found = this.#match(given, letters)
    const [only] = found
    if (only !== undefined && found.length === 1) return only.ref
    throw this.#notFound(given, letters, found)
  }

  #match(given: string, letters: readonly PartyLetter[]): Party[] {
    const candidates = [...this.#byRef.values()].filter(({ ref }) => letters.includes(ref.charAt(0) as PartyLetter))
    const wanted = slugOf(given)
    const exact = candidates.filter(({ name }) => slugOf(name) === wanted)
    if (exact.length > 0) return exact
    const begins = candidates.filter(({ name }) => wanted !== '' && slugOf(name).startsWith(wanted))
    if (begins.length > 0) return begins
    const byWord = candidates.filter(({ name }) => slugOf(name).split('-').includes(wanted))
    if (byWord.length > 0) return byWord
    const refs = candidates.map(({ ref }) => ref)
    const ids = new Set<string>(letters.flatMap((letter) => matchingIds(letter, given, refs)))
    return candidates.filter(({ ref }) => ids.has(ref))
  }

  #notFound(given: string, letters: readonly PartyLetter[], found: readonly Party[]): CommandError {
    const kind = letters.map((letter) => WORDS[letter]).join(' or ')
    if (found.length > 1) {
      const names = found.slice(0, 5).map(({ name, ref }) => `${name} (${shortId(ref)})`)
      return new CommandError('CLIENT_USAGE', {
        what: `"${given}" can be more than one ${kind}.`,
        reason: names.join(', '),
        next: 'give the whole name or the id',
      })
    }
    const names = [...this.#byRef.values()]
      .filter(({ ref }) => letters.includes(ref.charAt(0) as PartyLetter))
      .map(({ name }) => slugOf(name))
    const near = nearest(slugOf(given), [...names, ...names.flatMap((name) => name.split('-'))])
    return new CommandError('CLIENT_USAGE', {
      what: `There is no ${kind} "${given}".`,
      next:
        near.length === 0
          ? `trusthealth ${WORDS[letters[0] as PartyLetter]} list`
          : `Did you mean ${near.join(' or ')}?`,
    })
  }
}

/** Names for one connection; the directory is that of its hospital. */
export function partiesOf(context: Context, connection: Connection): Parties {
  const { client, consortium } = connection
  const here = listIdentities(context.state, context.crypto).map(partyOf)
  const hospitals = consortium.hospitals.map(({ ref, name }) => ({ ref, name }))
  return new Parties([...hospitals, ...here], async () => {
    const { crypto, hospital, ledger } = client.options
    const doctors = await hospital.practitioners(client.requestSigner)
    const others = await readDirectories({ crypto, hospital, ledger }, client.requestSigner)
    const listed = others.flatMap(({ ref: listedBy, practitioners }) =>
      practitioners.map(({ ref, name }) => ({ ref, name, listedBy })),
    )
    return [...doctors.map(({ ref, name }) => ({ ref, name })), ...listed]
  })
}

export async function findPatient(parties: Parties, given: string): Promise<PatientRef> {
  const ref = await parties.find(given, ['p'])
  if (!isPatientRef(ref)) throw new TypeError('not a patient')
  return ref
}

export async function findDoctor(parties: Parties, given: string): Promise<PractitionerRef> {
  const ref = await parties.find(given, ['d'])
  if (!isPractitionerRef(ref)) throw new TypeError('not a doctor')
  return ref
}

export async function findAuthor(parties: Parties, given: string): Promise<AuthorRef> {
  return (await parties.find(given, ['d', 'h'])) as AuthorRef
}

export async function findHospital(parties: Parties, given: string): Promise<HospitalRef> {
  return (await parties.find(given, ['h'])) as HospitalRef
}

/** The patient a command is about: `--patient`, or whoever acts, if that is a patient. */
export async function patientOf(
  connection: Connection,
  parties: Parties,
  given: string | undefined,
): Promise<PatientRef> {
  if (given !== undefined) return await findPatient(parties, given)
  const { ref } = connection.who.identity
  if (isPatientRef(ref)) return ref
  throw new CommandError('CLIENT_USAGE', { what: 'Whose? The patient is missing.', next: '--patient NAME' })
}

function partyOf({ identity, name }: StoredIdentity): Party {
  return { ref: identity.ref, name }
}

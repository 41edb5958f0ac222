/**
 * One link for each role, for a browser on this machine: Bob, Alice, Maria and Sam. Each is good once, for a day; while
 * the system runs, whoever comes with a link is let in by the key that is here. Another one:  trusthealth keys link.
 *
 * @module
 */
import { connectHospital } from '../connection.ts'
import type { Context } from '../context.ts'
import { approveJoins, joinUrl, openLink, type OpenLink } from '../device-links.ts'
import { findIdentity, listIdentityNames } from '../identities.ts'
import type { RunningSystem } from './system.ts'

const TTL_S = 86_400
const STAFF_NAME = 'Maria Ruiz'
const ROLES = [
  { slug: 'bob-li', title: 'Bob Li, patient' },
  { slug: 'alice-martin', title: 'Dr Alice Martin' },
  { slug: 'auditor', title: 'Sam, auditor' },
] as const

export interface PracticeLink {
  readonly title: string
  readonly url: string
}

/** Makes the links and lets in who comes with them, until `signal`. */
export async function offerPracticeLinks(
  context: Context,
  system: RunningSystem,
  signal: AbortSignal,
): Promise<readonly PracticeLink[]> {
  const { consortium, current } = system
  const places = { consortium, system: current }
  const names = new Set(listIdentityNames(context.state))
  const links: OpenLink[] = []
  const shown: PracticeLink[] = []
  for (const { slug, title } of ROLES.filter((role) => names.has(role.slug))) {
    const link = await openLink(context, findIdentity(context.state, context.crypto, slug), places, TTL_S)
    links.push(link)
    shown.push({ title, url: link.url })
  }
  const staffUrl = await staffLink(context, system)
  void approveJoins(context, links, places, {
    signal,
    onJoined: ({ who }, label) => context.output.note(`${who.name} has one more device: ${label}.`),
  })
  return staffUrl === undefined
    ? shown
    : [...shown.slice(0, 2), { title: `${STAFF_NAME}, hospital staff`, url: staffUrl }, ...shown.slice(2)]
}

/** A registration code: staff have keys of their own, which nobody else keeps. */
async function staffLink(context: Context, { consortium, current }: RunningSystem): Promise<string | undefined> {
  const [hospital] = consortium.hospitals
  if (hospital === undefined) return undefined
  const { client } = connectHospital(context, hospital.slug)
  try {
    const { hospital: api } = client.options
    const known = (await api.staff(client.requestSigner)).find(({ name }) => name === STAFF_NAME)
    const { code } = await api.invite(client.requestSigner, {
      kind: 'staff',
      name: STAFF_NAME,
      roles: ['administrator'],
      ...(known === undefined ? {} : { staff: known.id }),
    })
    return joinUrl(current, hospital, code)
  } finally {
    client.close()
  }
}

/**
 * When the certificates end of what runs here and of who has a key here: read from the files and, for the record server,
 * from the ledger. Nothing is renewed by reading. Spec: docs/protocol/02-registration.md §2.9.
 *
 * @module
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Ledger } from '../../../../ledger/client/src/index.ts'
import { decodeBase64url, parseCertificate } from '../../../../shared/crypto/src/index.ts'
import { participantRecordShape, parseResult } from '../../../../shared/ledger-model/src/index.ts'
import { identityEndsMs } from '../../../sdk/src/renew-identity.ts'
import type { Context } from '../context.ts'
import { formatDate } from '../dates.ts'
import { listIdentities } from '../identities.ts'
import { hospitalFolder, type Consortium, type HospitalEntry } from '../system-file.ts'
import { countWords } from '../words.ts'

export const WARN_BEFORE_MS = 30 * 86_400_000
const DAY_MS = 86_400_000
const ORGANIZATION_FILE = 'organization.json'

export interface KnownCertificate {
  readonly who: string
  readonly kind: 'record server' | 'administrator' | 'root' | 'hospital' | 'person'
  /** Unix ms. */
  readonly endsMs: number
}

/** Soonest end first. @param ledger for the record server's; without it that one is left out. */
export async function readCertificates(
  { state, crypto }: Pick<Context, 'state' | 'crypto'>,
  consortium: Pick<Consortium, 'serverRef' | 'hospitals'>,
  ledger?: Pick<Ledger, 'query'>,
): Promise<KnownCertificate[]> {
  const found: KnownCertificate[] = []
  if (ledger !== undefined) {
    const text = await ledger.query({ fn: 'participant', args: [consortium.serverRef] })
    const { server } = parseResult(text, participantRecordShape)
    if (server !== undefined)
      found.push({ who: 'The record server', kind: 'record server', endsMs: ends(server.certificate) })
  }
  const organizations = [
    { who: 'The operator', folder: state.operator },
    ...consortium.hospitals.map(({ name, slug }) => ({ who: name, folder: hospitalFolder(state, slug) })),
  ]
  for (const { who, folder } of organizations) {
    const path = join(folder, ORGANIZATION_FILE)
    if (!existsSync(path)) continue
    const { adminCertificate, root } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>
    found.push({ who, kind: 'administrator', endsMs: ends(adminCertificate) })
    found.push({ who, kind: 'root', endsMs: ends(root) })
  }
  for (const { identity, name } of listIdentities(state, crypto)) {
    const kind = identity.kind === 'organization' ? 'hospital' : 'person'
    found.push({ who: name, kind, endsMs: identityEndsMs(identity) })
  }
  return found.toSorted((a, b) => a.endsMs - b.endsMs)
}

/** Whether the hospital's keys are on this device. */
export function hasKeysHere({ state }: Pick<Context, 'state'>, { slug }: HospitalEntry): boolean {
  return existsSync(join(hospitalFolder(state, slug), ORGANIZATION_FILE))
}

/** "ends 14 Nov 2027, in 355 days"; "ended 3 Nov 2026, 11 days ago". */
export function endWords(endsMs: number, nowMs: number): string {
  const days = Math.floor(Math.abs(endsMs - nowMs) / DAY_MS)
  const words = countWords(days, 'day')
  return endsMs > nowMs ? `ends ${formatDate(endsMs)}, in ${words}` : `ended ${formatDate(endsMs)}, ${words} ago`
}

/** What ends within 30 days, or has ended, a line each. */
export function warningsOf(certificates: readonly KnownCertificate[], nowMs: number): string[] {
  return certificates
    .filter(({ endsMs }) => endsMs - nowMs < WARN_BEFORE_MS)
    .map(({ who, kind, endsMs }) => `The certificate of ${who} (${kind}) ${endWords(endsMs, nowMs)}.`)
}

function ends(certificate = ''): number {
  return parseCertificate(decodeBase64url(certificate)).notAfterMs
}

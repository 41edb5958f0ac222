/**
 * Who looked: the entries of the log about one patient, newest first, with the names that hospitals gave their doctors.
 * Each entry is proven against the log, and the list against the patient's row: none is missing.
 * Spec: docs/protocol/08-access.md §8.3, §8.5.
 *
 * @module
 */
import { decodeHex, encodeHex } from '../../../../shared/crypto/src/index.ts'
import {
  literal,
  optional,
  patientRefShape,
  struct,
  text,
  uint,
  type CborValue,
  type PatientRef,
} from '../../../../shared/protocol/src/index.ts'
import { decodeEntry } from '../audit/entry.ts'
import type { LogPosition } from '../audit/patient-log.ts'
import type { Patient } from '../patients.ts'
import type { AnswerMembers } from '../round.ts'
import type { Vault } from '../vault.ts'
import { actorEntry, command, patientNeeds, patientOf, permit, questionOf, type Call } from './call.ts'
import { checkOwnPatient } from './provision-commands.ts'

const DEFAULT_LIMIT = 50
const MAX_LIMIT = 500

interface AccessLogInput {
  readonly patient: PatientRef
  readonly cursor?: string
  readonly limit?: number
}

export const ACCESS_LOG_COMMANDS = {
  'access-log': command(
    struct({
      cmd: literal('access-log'),
      patient: patientRefShape,
      /** Number of the row to go on before, and the digest that proves the page. */
      cursor: optional(text({ max: 96, pattern: /^[1-9][0-9]{0,15}-[0-9a-f]{64}$/ })),
      limit: optional(uint({ min: 1, max: MAX_LIMIT })),
    }),
    {
      who: ['patient', 'organization'],
      needs: (_vault, client, { patient }) => patientNeeds(client, [patient]),
      subject: (_vault, _client, { patient }) => ({ patient }),
      run: accessLog,
    },
  ),
}

function accessLog(call: Call, { patient: ref, cursor, limit = DEFAULT_LIMIT }: AccessLogInput): void {
  const { vault } = call
  if (call.actor.kind === 'patient') permit(questionOf(call, ref))
  else checkOwnPatient(call, ref)
  const entry = { t: 'access-log' as const, ...actorEntry(call), patient: ref }
  // A cursor is the client's word and is refused before anything is written; what it names is indexed already.
  const later = cursor === undefined ? undefined : pageOf(vault, patientOf(call, ref), positionOf(cursor), limit)
  patientOf(call, ref)
  vault.log(entry)
  if (later !== undefined) {
    call.reply(later)
    return
  }
  // The first page begins with this very request.
  vault.writeIndexes()
  call.reply(pageOf(vault, patientOf(call, ref), undefined, limit))
}

function pageOf(vault: Vault, patient: Patient, from: LogPosition | undefined, limit: number): AnswerMembers {
  // One more than is shown tells whether there is a next page.
  const rows = vault.patientLog.pageBefore(patient, from, limit + 1)
  const last = rows[limit]
  return {
    entries: rows.slice(0, limit).map(({ logIndex }) => entryMembers(vault, logIndex)),
    ...(last === undefined ? {} : { cursor: `${last.number + 1}-${encodeHex(last.digest)}` }),
  }
}

function positionOf(cursor: string): LogPosition {
  const [before = '', anchor = ''] = cursor.split('-')
  return { before: Number(before), anchor: decodeHex(anchor) }
}

function entryMembers(vault: Vault, index: number): CborValue {
  const entry = decodeEntry(vault.store.log.entryVerified(index))
  const { t, timeMs, actor, place, purpose, permission, automatic, record, version, code, by } = entry
  return {
    index,
    timeMs,
    kind: t,
    actor,
    actorName: vault.practitioners.find(actor)?.name ?? '',
    place: place ?? '',
    purpose: purpose ?? '',
    permission: permission ?? '',
    automatic: automatic ?? false,
    records: record === undefined ? [] : [{ record, ...(version === undefined ? {} : { version }) }],
    ...(code === undefined ? {} : { code }),
    ...(by === undefined ? {} : { by: { ...by } }),
  }
}

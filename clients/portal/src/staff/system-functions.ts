/**
 * The parts of the system, for staff: what the ledger has of the record server, what waits in the outbox, copies of the
 * hospital's own store.
 *
 * @module
 */
import {
  participantRecordShape,
  programRecordShape,
  retentionRecordShape,
} from '../../../../shared/ledger-model/src/index.ts'
import type { OutboxEntry } from '../../../sdk/src/hospital-answers/outbox.ts'
import type { RequestSigner } from '../../../sdk/src/hospital-calls.ts'
import { readLedger } from '../../../sdk/src/ledger-reader.ts'
import type { WorkerContext } from '../session/worker-context.ts'

/** A program, and how many organisations voted for it (whatever its security version). */
export interface ProgramVotes {
  readonly measurement: string
  readonly votes: number
}

/** The record server as its organisation registered it; proven. */
export interface RegisteredServer {
  readonly ref: string
  readonly mspId: string
  /** That organisation's name, where this hospital knows one. */
  readonly organization: string
  readonly isOwn: boolean
  readonly status: string
  readonly teeKind: string
  /** Approved by that organisation, oldest first. */
  readonly programs: readonly ProgramVotes[]
  /** Of the ledger: more than half of them let a program open what is stored. */
  readonly organizations: number
  readonly changedMs: number
}

export interface OutboxRow extends Omit<OutboxEntry, 'author'> {
  readonly authorName: string
}

/** Without `days` the organisation has stated nothing. */
export interface RetentionRow {
  readonly mspId: string
  readonly organization: string
  readonly isOwn: boolean
  readonly days?: number
  readonly sinceMs?: number
}

export function systemFunctions(context: WorkerContext, as: () => Promise<RequestSigner>) {
  const api = () => context.hospital()
  return {
    async registeredServer(): Promise<RegisteredServer> {
      const { kept, identity } = await context.acting()
      const { facts } = kept
      const ledger = context.ledgerOf(facts, identity)
      const { value } = await readLedger(ledger, 'participant', [facts.serverRef], participantRecordShape)
      const { ref, mspId, status, server, changedMs } = value
      const known = [facts.hospital, ...facts.hospitals, ...facts.nodes, ...(facts.fabric?.organizations ?? [])]
      const organizations = new Set<string>(known.map((one) => one.mspId))
      const votesFor = async (measurement: string): Promise<ProgramVotes> => {
        const { value: program } = await readLedger(ledger, 'program', [measurement], programRecordShape)
        return { measurement, votes: program.votes.filter((vote) => organizations.has(vote.mspId)).length }
      }
      const organization = [facts.hospital, ...facts.hospitals].find((one) => one.mspId === mspId)?.name ?? mspId
      return {
        ref,
        mspId,
        organization,
        isOwn: facts.hospital.mspId === mspId,
        status,
        teeKind: server?.teeKind ?? '',
        programs: await Promise.all((server?.measurements ?? []).map(votesFor)),
        organizations: organizations.size,
        changedMs,
      }
    },

    /** How long each organisation must keep records, by the shared ledger. */
    async retention(): Promise<readonly RetentionRow[]> {
      const { kept, identity } = await context.acting()
      const { facts } = kept
      const ledger = context.ledgerOf(facts, identity)
      const hospitals = [facts.hospital, ...facts.hospitals]
      const known = [...hospitals, ...facts.nodes, ...(facts.fabric?.organizations ?? [])]
      return await Promise.all(
        [...new Set<string>(known.map((one) => one.mspId))].map(async (mspId) => {
          const { value } = await readLedger(ledger, 'retention', [mspId], retentionRecordShape)
          const newest = value.statements.at(-1)
          return {
            mspId,
            organization: hospitals.find((one) => one.mspId === mspId)?.name ?? mspId,
            isOwn: facts.hospital.mspId === mspId,
            ...(newest === undefined ? {} : { days: newest.days, sinceMs: newest.timeMs }),
          }
        }),
      )
    },

    async outbox(): Promise<readonly OutboxRow[]> {
      const who = await as()
      const [entries, doctors] = await Promise.all([
        api().outbox(who),
        api()
          .practitioners(who)
          .catch(() => []),
      ])
      const names = new Map<string, string>(doctors.map(({ ref, name }) => [ref, name]))
      const { kept } = await context.acting()
      names.set(kept.facts.hospital.ref, kept.facts.hospital.name)
      return entries
        .map(({ author, ...rest }) => ({ ...rest, authorName: names.get(author) ?? author }))
        .toSorted((a, b) => a.sinceMs - b.sinceMs)
    },

    backups: async (): Promise<readonly string[]> => await api().backups(await as()),
    makeBackup: async () => await api().makeBackup(await as()),
  }
}

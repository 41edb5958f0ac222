/**
 * The parts of the system, for staff: what the ledger has of the record server, what waits in the outbox, copies of the
 * hospital's own store.
 *
 * @module
 */
import { participantRecordShape } from '../../../../shared/ledger-model/src/index.ts'
import type { OutboxEntry } from '../../../sdk/src/hospital-answers/outbox.ts'
import type { RequestSigner } from '../../../sdk/src/hospital-calls.ts'
import { readLedger } from '../../../sdk/src/ledger-reader.ts'
import type { WorkerContext } from '../session/worker-context.ts'

/** The record server as its organisation registered it; proven. */
export interface RegisteredServer {
  readonly ref: string
  readonly mspId: string
  /** That organisation's name, where this hospital knows one. */
  readonly organization: string
  readonly isOwn: boolean
  readonly status: string
  readonly teeKind: string
  /** Approved, oldest first. */
  readonly programs: readonly string[]
  readonly changedMs: number
}

export interface OutboxRow extends Omit<OutboxEntry, 'author'> {
  readonly authorName: string
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
      const organization = [facts.hospital, ...facts.hospitals].find((one) => one.mspId === mspId)?.name ?? mspId
      return {
        ref,
        mspId,
        organization,
        isOwn: facts.hospital.mspId === mspId,
        status,
        teeKind: server?.teeKind ?? '',
        programs: server?.measurements ?? [],
        changedMs,
      }
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

/**
 * `trusthealth witness …`: which hospitals have cosigned the record server's log, and whether a downloaded record is in
 * the log that they all saw. Needs no permission. Spec: docs/protocol/06-log-and-checkpoints.md §6.11.
 *
 * @module
 */
import { resolve } from 'node:path'
import { decodeUtf8 } from '../../../../shared/crypto/src/index.ts'
import { participantRecordShape, serverNoteKeys } from '../../../../shared/ledger-model/src/index.ts'
import { logOrigin, openCheckpoint, parseCheckpoint, parseNote } from '../../../../shared/tlog/src/index.ts'
import { readLedger } from '../../../sdk/src/ledger-reader.ts'
import { parseRecordFile } from '../../../sdk/src/record-file.ts'
import { readWitnesses, verifyWitnessed, witnessMajority, type KnownWitness } from '../../../sdk/src/witnesses.ts'
import { codeOfFailure, CommandError, doing, usageError } from '../command-error.ts'
import type { CommandRow, OptionValues } from '../command-row.ts'
import type { Context } from '../context.ts'
import { formatMoment } from '../dates.ts'
import { readOwnFile } from '../files.ts'
import { ledgerReaderOf } from '../ledger-access.ts'
import { text } from '../option-values.ts'
import { table } from '../output.ts'
import { fetchConsistencyProof, fetchCosigned, fetchWitness } from '../record-server.ts'
import { requireSystem, SERVER_PROGRAM, urlOf, type Consortium } from '../system-file.ts'
import { countWords, numberWords } from '../words.ts'

const LEAST = {
  flags: '--least <number>',
  description: 'organisations that must have cosigned; else more than half of them',
}

export const WITNESS_COMMANDS: readonly CommandRow[] = [
  {
    path: 'witness status',
    summary: 'show how far each hospital has cosigned the log of the record server',
    examples: ['witness status', 'witness status --json', 'witness status --quiet'],
    run: status,
  },
  {
    path: 'witness check',
    what: '<file>',
    summary: 'check that a downloaded record is in the log that the hospitals saw',
    options: [LEAST],
    examples: ['witness check result.json', 'witness check result.json --least 2', 'witness check result.json --json'],
    run: check,
  },
]

interface Seen {
  readonly name: string
  readonly ref: string
  readonly size?: number
  readonly timeMs?: number
  /** Checkpoints that it refused as another history. */
  readonly refused: number
  readonly code?: string
}

async function status(context: Context): Promise<void> {
  const { consortium, system } = requireSystem(context.state)
  const seen = await Promise.all(
    consortium.hospitals.map(async ({ name, ref, slug }): Promise<Seen> => {
      try {
        const { size, conflicts } = await fetchWitness(context, urlOf(system, slug), consortium.serverRef)
        return { name, ref, size, refused: conflicts.length }
      } catch (error) {
        const code = codeOfFailure(error)
        if (code === undefined) throw error
        return { name, ref, refused: 0, code }
      }
    }),
  )
  const rows = seen.map(({ name, size, refused, code }) => [
    ` ${name}`,
    code ?? (size === undefined || size === 0 ? 'nothing yet' : `${numberWords(size)} entries`),
    refused === 0 ? '' : context.output.paint.red(`${countWords(refused, 'checkpoint')} refused as another history`),
  ])
  const worst = seen.find(({ refused }) => refused > 0)
  if (worst === undefined) return context.output.result({ witnesses: seen }, table(rows, ''))
  if (context.output.options.json === 'off') context.output.note(table(rows, ''))
  throw new CommandError('LOG_NOT_CONSISTENT', {
    what: `${worst.name} was shown a log that does not continue the one it cosigned.`,
    next: 'docs/operations/incidents.md, LOG_NOT_CONSISTENT',
    data: { witnesses: seen },
  })
}

async function check(context: Context, what: readonly string[], options: OptionValues): Promise<void> {
  const { consortium, system } = requireSystem(context.state)
  const { crypto } = context
  const name = what[0] as string
  const bytes = readOwnFile(resolve(context.terminal.currentFolder, name), name)
  const { answer, serverRef } = await doing('Not checked', () => Promise.resolve(parseRecordFile(decodeUtf8(bytes))))
  if (serverRef !== consortium.serverRef) throw new CommandError('LOG_ORIGIN_MISMATCH')
  const ledger = await ledgerReaderOf(context, consortium, system)
  const { value: server } = await readLedger(ledger, 'participant', [serverRef], participantRecordShape)
  const serverKeys = serverNoteKeys(crypto, server)
  const witnesses = await readWitnesses(crypto, ledger, organizationsOf(consortium))
  const quorum = quorumOf(text(options, 'least'), witnesses)
  const url = urlOf(system, SERVER_PROGRAM)
  const { checkpoint } = answer.log
  const cosigned = await doing('Not checked', () => fetchCosigned(context, url, quorum))
  const own = openCheckpoint(crypto, checkpoint, logOrigin(serverRef), serverKeys).checkpoint
  const newer = parseCheckpoint(parseNote(cosigned).text)
  if (newer.size < own.size) throw new CommandError('WITNESS_TOO_FEW')
  const proof = await doing('Not checked', () => fetchConsistencyProof(context, url, own.size, newer.size))
  const parts = { crypto, serverRef, serverKeys, witnesses, quorum, checkpoint, cosigned, proof }
  const { cosignatures } = await doing('Do not rely on this', () => Promise.resolve(verifyWitnessed(parts)))
  const who = cosignatures.map(({ witness, timeMs }) => ({
    ref: witness.name,
    name: consortium.hospitals.find(({ ref }) => ref === witness.name)?.name ?? witness.name,
    timeMs,
  }))
  const lines = who.map((one) => [` ${one.name}`, formatMoment(one.timeMs)])
  context.output.result(
    { record: answer.recordId, logSize: own.size, cosignedSize: newer.size, quorum, cosignatures: who },
    `In the log that ${countWords(who.length, 'hospital')} saw (${quorum} needed), ${numberWords(newer.size)} entries.\n${table(lines, '')}`,
  )
}

function organizationsOf({ hospitals, operatorMspId }: Consortium) {
  return [...new Set([operatorMspId, ...hospitals.map(({ mspId }) => mspId)])]
}

function quorumOf(least: string | undefined, witnesses: readonly KnownWitness[]): number {
  if (least === undefined) return witnessMajority(witnesses)
  const number = Number(least)
  if (Number.isInteger(number) && number >= 1 && number <= 15) return number
  throw usageError('--least is a number from 1 to 15.', '--least 2')
}

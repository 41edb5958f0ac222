/**
 * Checks downloaded files. A Bundle with proofs is checked without any connection, from the ledger's signed answers in it;
 * a single record is checked with the ledger when somebody is signed in, else only its text.
 *
 * @module
 */
import { decodeBase64url, decodeUtf8 } from '../../../../shared/crypto/src/index.ts'
import { parseWarrant } from '../../../../shared/protocol/src/index.ts'
import { parseRecordFile, type RecordFile } from '../../../sdk/src/record-file.ts'
import { verifyRecord, type RecordReport } from '../../../sdk/src/verify-record.ts'
import { consortiumConfigOf, isSameConsortium, type Facts } from '../session/facts.ts'
import { RecordedLedgerReader } from '../session/recorded-ledger.ts'
import { readText, type ReadText } from './read-text.ts'
import type { WorkerContext } from '../session/worker-context.ts'
import { parseDownload, type ProofsFile } from './proofs-file.ts'

export interface FileRecord {
  /** For reading: see `parseForReading`. */
  readonly resource: Readonly<Record<string, unknown>>
  /** FHIR JSON, indented, every digit as it was signed. */
  readonly data: string
  readonly author: string
  readonly report: RecordReport
}

export interface FileReport {
  readonly kind: 'download' | 'record'
  readonly patientName: string | undefined
  readonly hospital: string | undefined
  readonly madeMs: number | undefined
  /** Whether the keys in the file are those that this browser knows: `unknown` when it knows none. */
  readonly keys: 'known' | 'other' | 'unknown'
  /** Short form of the keys against which everything was checked. */
  readonly keysFingerprint: string
  readonly records: readonly FileRecord[]
  /** Resources beside the proofs whose text is none of the proven ones. */
  readonly unproven: number
}

export interface FileProgress {
  readonly done: number
  readonly total: number
}

type CheckedRecord = FileRecord & Pick<ReadText, 'plain'>

export function fileArea(context: WorkerContext) {
  const { crypto, clock } = context

  async function keysOf(facts: Facts): Promise<FileReport['keys']> {
    const known = await context.keys.all()
    if (known.length === 0) return 'unknown'
    return known.some((kept) => isSameConsortium(kept.facts, facts)) ? 'known' : 'other'
  }

  function fingerprintOf({ nodes, fabric }: Facts): string {
    const text = JSON.stringify(fabric ?? nodes)
    const digest = crypto.sha256(new TextEncoder().encode(text))
    return Array.from(digest.slice(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join(':')
  }

  async function checkOne(file: RecordFile, proofs: ProofsFile): Promise<CheckedRecord> {
    const { answer, serverRef } = file
    const ledger = new RecordedLedgerReader(crypto, consortiumConfigOf(proofs.facts), proofs.reads, 'file')
    const report = await verifyRecord(answer, {
      crypto,
      ledger,
      serverRef,
      nowMs: () => clock.nowMs(),
      patient: parseWarrant(answer.warrant).payload.iss,
      findVersions: (record) => Promise.resolve(proofs.places.filter(({ recordId }) => recordId === record)),
      consistencyProof: (from, to) => {
        const kept = proofs.consistency.find((one) => one.from === from && one.to === to)
        return Promise.resolve((kept?.proof ?? []).map((one) => decodeBase64url(one)))
      },
    })
    return { ...readText(decodeUtf8(answer.ehr)), author: answer.author, report }
  }

  return {
    /** @throws {ClientError} `MESSAGE_MALFORMED` */
    async check(fileText: string, progress?: (progress: FileProgress) => void): Promise<FileReport> {
      if (/"trusthealth"\s*:\s*"record\/1"/.test(fileText.slice(0, 200))) return await checkSingle(fileText)
      const { proofs, resources } = parseDownload(fileText)
      const checked: CheckedRecord[] = []
      for (const [done, one] of proofs.records.entries()) {
        progress?.({ done, total: proofs.records.length })
        checked.push(await checkOne(parseRecordFile(one), proofs))
      }
      const proven = new Set(checked.map(({ plain }) => plain))
      return {
        kind: 'download',
        patientName: proofs.patient.name,
        hospital: proofs.facts.hospital.name,
        madeMs: proofs.madeMs,
        keys: await keysOf(proofs.facts),
        keysFingerprint: fingerprintOf(proofs.facts),
        records: checked.map(({ plain: _plain, ...record }) => record),
        unproven: resources.filter((resource) => !proven.has(JSON.stringify(resource))).length,
      }
    },
  }

  async function checkSingle(fileText: string): Promise<FileReport> {
    const file = parseRecordFile(fileText)
    const { answer } = file
    const acting = await context.acting().catch(() => undefined)
    const facts = acting?.kept.facts
    const nothing: ProofsFile['reads'] = []
    const ledger =
      acting === undefined || facts === undefined
        ? new RecordedLedgerReader(crypto, { channel: '', quorum: 1, nodes: [] }, nothing, '')
        : context.ledgerOf(facts, acting.identity)
    const report = await verifyRecord(answer, {
      crypto,
      ledger,
      serverRef: file.serverRef,
      nowMs: () => clock.nowMs(),
      ...(acting === undefined
        ? {}
        : {
            findVersions: (record) =>
              acting.options.hospital.findRecord({ ref: acting.kept.ref, signer: acting.identity.signer }, record),
          }),
    })
    const { resource, data } = readText(decodeUtf8(answer.ehr))
    return {
      kind: 'record',
      patientName: undefined,
      hospital: facts?.hospital.name,
      madeMs: undefined,
      keys: facts === undefined ? 'unknown' : 'known',
      keysFingerprint: facts === undefined ? '' : fingerprintOf(facts),
      records: [{ resource, data, author: answer.author, report }],
      unproven: 0,
    }
  }
}

/**
 * Everything of a patient in one file: a FHIR R4 Bundle with every record as it was signed, and one Binary with the proofs of
 * all of them: each record's file as `trusthealth record verify` takes it, and the ledger's signed answers of this moment.
 *
 * @module
 */
import { encodeBase64url } from '../../../../shared/crypto/src/index.ts'
import { parseWarrant } from '../../../../shared/protocol/src/index.ts'
import { allItems } from '../../../sdk/src/participant.ts'
import { PatientClient } from '../../../sdk/src/patient.ts'
import { relayedBy, VerifyingLedgerReader } from '../../../sdk/src/ledger-reader.ts'
import { formatRecordFile } from '../../../sdk/src/record-file.ts'
import { verifyRecord } from '../../../sdk/src/verify-record.ts'
import { consortiumConfigOf } from '../session/facts.ts'
import { OnceLedgerReader, ReadRecorder } from '../session/recorded-ledger.ts'
import type { WorkerContext } from '../session/worker-context.ts'
import { PROOFS_TYPE, type ProofsFile } from '../verify-file/proofs-file.ts'

export interface DownloadProgress {
  readonly done: number
  readonly total: number
  readonly refused: number
}

export async function downloadAll(context: WorkerContext, report: (progress: DownloadProgress) => void): Promise<Blob> {
  const { kept, options } = await context.acting()
  const bob = await context.client(PatientClient)
  const { crypto, clock } = context
  const { facts } = kept
  const recorder = new ReadRecorder()
  const fetch = recorder.wrap(relayedBy(options.hospital, bob.requestSigner), () => clock.nowMs())
  const verifying = new VerifyingLedgerReader(crypto, consortiumConfigOf(facts), fetch, facts.hospital.name)
  const ledger = new OnceLedgerReader(verifying)
  const items = []
  for await (const item of allItems((cursor) => bob.records(cursor === undefined ? {} : { cursor }))) items.push(item)
  const records: string[] = []
  const places: ProofsFile['places'] = []
  const consistency: ProofsFile['consistency'] = []
  const resources: unknown[] = []
  let refused = 0
  for (const [done, item] of items.entries()) {
    report({ done, total: items.length, refused })
    if (item.erasedMs !== undefined) continue
    try {
      const answer = await bob.read(item.record)
      await verifyRecord(answer, {
        crypto,
        ledger,
        serverRef: options.serverRef,
        nowMs: () => clock.nowMs(),
        patient: parseWarrant(answer.warrant).payload.iss,
        async findVersions(record) {
          const found = await options.hospital.findRecord(bob.requestSigner, record)
          places.push(...found.map(({ recordId, version, batchId, index }) => ({ recordId, version, batchId, index })))
          return found
        },
        async consistencyProof(from, to) {
          const proof = await bob.consistencyProof(from, to)
          consistency.push({ from, to, proof: proof.map(encodeBase64url) })
          return proof
        },
        evidence: await bob.evidence(),
      })
      records.push(formatRecordFile({ serverRef: options.serverRef, answer }))
      resources.push(JSON.parse(new TextDecoder().decode(answer.ehr)))
    } catch {
      // Told in the count: one record that cannot be read must not keep the others back.
      refused++
    }
  }
  report({ done: items.length, total: items.length, refused })
  const proofs: ProofsFile = {
    trusthealth: 'records/1',
    facts,
    madeMs: clock.nowMs(),
    patient: { ref: bob.ref, name: kept.name },
    records,
    reads: [...recorder.reads],
    places,
    consistency,
  }
  return new Blob([bundleText(resources, proofs, clock.nowMs())], { type: 'application/fhir+json' })
}

function bundleText(resources: readonly unknown[], proofs: ProofsFile, nowMs: number): string {
  const data = new TextEncoder().encode(JSON.stringify(proofs))
  const binary = { resourceType: 'Binary', contentType: PROOFS_TYPE, data: base64(data) }
  const entry = [...resources, binary].map((resource) => ({ fullUrl: `urn:uuid:${crypto.randomUUID()}`, resource }))
  const timestamp = new Date(nowMs).toISOString()
  return JSON.stringify({ resourceType: 'Bundle', type: 'collection', timestamp, entry }, null, 1)
}

function base64(bytes: Uint8Array): string {
  const plain = encodeBase64url(bytes).replaceAll('-', '+').replaceAll('_', '/')
  return plain.padEnd(Math.ceil(plain.length / 4) * 4, '=')
}

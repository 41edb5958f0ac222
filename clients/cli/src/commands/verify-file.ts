/**
 * `trusthealth record verify FILE`: a downloaded record with its proofs. The text and the proofs come from the file;
 * what they are compared with comes from the ledger. Where the record server answers, its log is compared too.
 *
 * @module
 */
import { resolve } from 'node:path'
import { decodeUtf8 } from '../../../../shared/crypto/src/index.ts'
import { isUnavailable } from '../../../sdk/src/errors.ts'
import { parseRecordFile } from '../../../sdk/src/record-file.ts'
import { verifyRecord } from '../../../sdk/src/verify-record.ts'
import type { EvidenceResult } from '../../../../shared/protocol/src/index.ts'
import { doing } from '../command-error.ts'
import { connect, using, type Connection } from '../connection.ts'
import type { Context } from '../context.ts'
import { partiesOf } from '../parties.ts'
import { readOwnFile } from '../files.ts'
import { showReport } from '../record-report.ts'

export async function verifyFile(context: Context, name: string): Promise<void> {
  const bytes = readOwnFile(resolve(context.terminal.currentFolder, name), name)
  const { answer, serverRef } = await doing('Not checked', () => Promise.resolve(parseRecordFile(decodeUtf8(bytes))))
  await using(connect(context), async (connection) => {
    const { client } = connection
    const { crypto, clock, ledger, hospital } = client.options
    const evidence = await findEvidence(connection)
    const report = await verifyRecord(answer, {
      crypto,
      ledger,
      serverRef,
      nowMs: () => clock.nowMs(),
      findVersions: (record) => hospital.findRecord(client.requestSigner, record),
      ...(evidence === undefined
        ? {}
        : { evidence, consistencyProof: (from: number, to: number) => client.consistencyProof(from, to) }),
    })
    showReport(context, report, await partiesOf(context, connection).complete())
  })
}

/** Undefined when the record server is away: then two checks cannot run, and the seal says so. */
async function findEvidence({ client }: Connection): Promise<EvidenceResult | undefined> {
  try {
    return await client.evidence()
  } catch (error) {
    if (isUnavailable(error)) return undefined
    throw error
  }
}

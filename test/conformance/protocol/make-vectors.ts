/**
 * Writes the vectors of the wire formats. `node make-vectors.ts` writes files that do not exist yet and never touches
 * one that does: a format changes by a new version of the protocol with new vectors, and old vectors keep passing for
 * ever. To extend a format, add a file.
 *
 * @module
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeCbor } from './make-cbor.ts'
import { makeBatches, makeChains, makeCommitments, makeDeliveries, makeEnvelopes } from './make-records.ts'
import { makeCredentials, makeEvidence, makeOpteeEvidence, makeReceipts } from './make-server.ts'
import {
  makeGrants,
  makeGrantsWithExceptions,
  makeKeyStatements,
  makeRevocations,
  makeWarrantRecords,
  makeWarrants,
} from './make-statements.ts'
import { makeWitness } from './make-witness.ts'
import { makeParties } from './vector-parties.ts'

/** Every file of this folder that this script makes. */
export const VECTOR_FILES: Readonly<Record<string, () => object>> = {
  'parties.json': makeParties,
  'cbor.json': makeCbor,
  'warrant.json': makeWarrants,
  'warrant-record.json': makeWarrantRecords,
  'grant.json': makeGrants,
  'grant-except.json': makeGrantsWithExceptions,
  'revocation.json': makeRevocations,
  'key-statement.json': makeKeyStatements,
  'credential.json': makeCredentials,
  'commitment.json': makeCommitments,
  'batch-signature.json': makeBatches,
  'envelope.json': makeEnvelopes,
  'treatment-key.json': makeDeliveries,
  'chain.json': makeChains,
  'receipt.json': makeReceipts,
  'evidence.json': makeEvidence,
  'evidence-optee.json': makeOpteeEvidence,
  'witness.json': makeWitness,
}

if (import.meta.main) {
  for (const [file, make] of Object.entries(VECTOR_FILES)) {
    try {
      writeFileSync(join(import.meta.dirname, file), `${JSON.stringify(make(), undefined, 2)}\n`, { flag: 'wx' })
      console.log(`${file}: written`)
    } catch (error) {
      if ((error as { code?: string }).code !== 'EEXIST') throw error
      console.log(`${file}: stays as it is`)
    }
  }
}

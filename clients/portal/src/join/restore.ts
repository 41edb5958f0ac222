/**
 * A new key for this browser with the help of the recovery file: the recovery key signs for it on the ledger.
 *
 * @module
 */
import { signerOf } from '../../../sdk/src/identity.ts'
import type { ParticipantOptions } from '../../../sdk/src/participant.ts'
import { PatientClient } from '../../../sdk/src/patient.ts'
import { cardOf, type IdentityCard } from '../session/core-area.ts'
import { openRecoveryFile } from '../session/recovery.ts'
import type { WorkerContext } from '../session/worker-context.ts'

/** @throws {ClientError} `ATTESTATION_IDENTITY` if the file is of another consortium than this page. */
export async function restoreFrom(
  context: WorkerContext,
  file: string,
  words: string,
  label: string,
): Promise<IdentityCard> {
  const { crypto } = context
  const facts = await context.facts()
  const { ref, mspId, name, keys: recovery } = await openRecoveryFile(crypto, file, words, facts)
  const signer = signerOf(crypto, recovery.signingKey)
  const api = context.hospital()
  const jws = await api.renewCredential({ ref, signer })
  const identity = {
    kind: 'patient',
    ref,
    mspId,
    signer,
    sealKey: recovery.sealKey,
    credential: { kind: 'patient', jws },
  } as const
  const options: ParticipantOptions = context.optionsFor(facts, identity)
  const client = new PatientClient(options)
  try {
    const keys = await context.keys.makeKeys()
    const { publicKey } = keys.signer
    await client.addKey({ publicKey, sealKey: keys.sealKey.publicKey, label, kind: 'device' })
    const credential = { kind: 'patient', jws: await api.renewCredential({ ref, signer: keys.signer }) } as const
    const createdMs = context.clock.nowMs()
    const kept = { kind: 'patient', ref, mspId, name, label, credential, facts, createdMs } as const
    return cardOf(await context.keys.keep(keys, { ...kept, recoverySavedMs: createdMs }))
  } finally {
    client.close()
  }
}

/**
 * The disk fails under a running service: full, read-only, or with errors, at writing and at making durable. The kernel's
 * answers are real ones, put in by strace for the files of the store only. What the service was about to acknowledge it
 * does not acknowledge, it says why with a code, and when the disk is well again it has everything (docs/operations/faults.md).
 *
 * @module
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { LedgerNode } from '../../ledger/embedded/src/index.ts'
import { equalBytes } from '../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../shared/crypto/src/node-crypto.ts'
import { createPatient, patientRegistrationOf, registrationOf } from '../../testkit/src/consortium.ts'
import { openTestNode, proposalOf } from '../../testkit/src/embedded-ledger.ts'
import { TaWorld } from '../../testkit/src/ta-world.ts'
import { whyNoRecording } from './power-cut/recorder.ts'

const skip = whyNoRecording() ?? false

/** From now on `calls` on files of `folder` fail with `error`. @returns the end of it. */
async function failing(folder: string, calls: string, error: string): Promise<() => Promise<void>> {
  const paths = readdirSync(folder).flatMap((name) => ['-P', join(folder, name)])
  const inject = ['-e', `trace=${calls}`, '-e', `inject=${calls}:error=${error}`]
  const tracer = spawn('strace', ['-f', ...inject, ...paths, '-o', '/dev/null', '-p', String(process.pid)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  await new Promise<void>((resolve, reject) => {
    let said = ''
    tracer.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      if (said.includes('attached')) resolve()
    })
    tracer.once('error', reject)
    tracer.once('exit', () => reject(new Error(`strace ended: ${said}`)))
  })
  return async () => {
    const ended = new Promise<void>((resolve) => tracer.once('exit', () => resolve()))
    tracer.kill('SIGINT')
    await ended
  }
}

const FAULTS: readonly (readonly [what: string, calls: string, error: string])[] = [
  ['the disk is full', 'pwrite64', 'ENOSPC'],
  ['the quota is used up', 'pwrite64', 'EDQUOT'],
  ['the disk has become read-only', 'pwrite64', 'EROFS'],
  ['writing fails', 'pwrite64', 'EIO'],
  ['making durable fails', 'fsync,fdatasync', 'EIO'],
]

for (const [what, calls, error] of FAULTS) {
  test(
    `record server, ${what} (${error}): STORE_FAILED, nothing more is answered, nothing is lost`,
    { skip },
    async () => {
      const world = await TaWorld.open()
      try {
        const doctor = await world.doctor()
        const patient = await world.patient()
        const warrant = await world.warrant(patient, [doctor])
        const before = await world.store(patient, { author: doctor, warrant })
        const author = await world.connect(doctor)
        const upload = world.upload(patient, { author: doctor, warrant })
        await world.settle()
        const end = await failing(world.folder, calls, error)
        let answered: unknown
        try {
          const sent = author.request('record.store', { envelope: upload.envelope }).then(
            () => 'stored',
            (refusal: unknown) => (refusal as { readonly code?: unknown }).code,
          )
          await world.commit(upload)
          await world.settle()
          answered = await sent
        } finally {
          await end()
        }
        assert.equal(answered, 'TEE_RESTARTED', 'what is not durable is not acknowledged')
        assert.deepEqual([world.fatal, world.app.state], ['STORE_FAILED', 'stopped'])
        // The disk is well again: the same start as after any crash.
        await world.restart()
        assert.equal(world.app.state, 'serving')
        await (await world.connect(doctor)).request('record.store', { envelope: upload.envelope })
        const reader = await world.connect(patient)
        for (const { commitment, ehr } of [before, upload]) {
          const { ehr: read } = await reader.request('record.read', { record: commitment.recordId })
          assert.ok(equalBytes(read as Uint8Array, ehr))
        }
      } finally {
        world.close()
      }
    },
  )

  test(`ledger, ${what} (${error}): LEDGER_STORAGE_FAILED, reads go on, nothing is lost`, { skip }, async () => {
    const { consortium, folder, node, a, close } = await openTestNode()
    const { genesis, nodeKey, nowMs } = consortium
    try {
      const register = (to: LedgerNode, identity: typeof a.admin, registration: object) =>
        to.submit(proposalOf(consortium, identity, { fn: 'registerParticipant', args: [JSON.stringify(registration)] }))
      const placed = await register(node, a.admin, registrationOf(a.hospital))
      const end = await failing(folder, calls, error)
      try {
        const refused = register(node, a.hospital, patientRegistrationOf(createPatient()))
        await assert.rejects(refused, { code: 'LEDGER_STORAGE_FAILED' })
        assert.equal(node.transaction(placed.transaction.txId)?.block, placed.block)
      } finally {
        await end()
      }
      node.close()
      const again = LedgerNode.open({ crypto: createNodeCrypto(), folder, genesis, nodeKey, nowMs })
      try {
        assert.equal(again.transaction(placed.transaction.txId)?.block, placed.block)
        await register(again, a.hospital, patientRegistrationOf(createPatient()))
      } finally {
        again.close()
      }
    } finally {
      close()
    }
  })
}

/**
 * Memory runs out under a running record server: from one moment on the kernel gives the trusted application's process
 * hardly any more, while large records come in. The process ends; it is started again, what was acknowledged is there, and
 * what was not is stored by sending it again, once (docs/operations/faults.md).
 *
 * @module
 */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { codeOf, isUnavailable } from '../../clients/sdk/src/index.ts'
import {
  bundleTee,
  canFindProcesses,
  labResult,
  openTestWorld,
  processesOfTrustedApplication,
  type TestWorld,
} from '../../testkit/src/world/index.ts'

const hasPrlimit = canFindProcesses && spawnSync('prlimit', ['--version']).status === 0
const skip = !hasPrlimit && 'needs /proc and prlimit of util-linux'

/** What may still be given out: less than one round of the records below takes. */
const ROOM_BYTES = 4 * 2 ** 20
const LARGE = 'x'.repeat(700_000)
const AT_ONCE = 16
const MAX_ATTEMPTS = 200

/** The process that has memory: of the wrappers and what they run, the one with the most. */
function applicationOf(world: TestWorld): { readonly pid: number; readonly dataBytes: number } {
  const found = processesOfTrustedApplication(world.server.dataFolder).map((pid) => ({ pid, dataBytes: dataOf(pid) }))
  const largest = found.toSorted((a, b) => b.dataBytes - a.dataBytes)[0]
  assert.ok(largest !== undefined && largest.dataBytes > 0, 'the trusted application is running')
  return largest
}

/** Bytes of private memory that the process may write: what the kernel's limit counts. */
function dataOf(pid: number): number {
  const kib = /^VmData:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kib ?? 0) * 1_024
}

test(
  'memory runs out under load: it ends, starts again, and has everything that was acknowledged',
  { skip },
  async () => {
    const tee = await bundleTee()
    const world = await openTestWorld({ tee })
    try {
      const alice = await world.doctor('alice')
      const bob = await world.patient('bob')
      const { warrant } = await world.permit(bob, [alice])
      const canary = world.canary()
      const record = (i: number, note = canary) => ({ patient: bob.ref, warrant, ehr: labResult(i, note) })
      const before = await alice.store(record(1))

      const { pid, dataBytes } = applicationOf(world)
      execFileSync('prlimit', ['--pid', String(pid), `--data=${dataBytes + ROOM_BYTES}`])
      const prepared = await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => alice.prepare(record(2 + i, LARGE))))
      const codes = new Set<string | undefined>()
      const sending = prepared.map(async (one) => {
        for (let tries = 1; ; tries++) {
          try {
            return await alice.send(one)
          } catch (error) {
            codes.add(codeOf(error))
            const isWorthIt =
              isUnavailable(error) || ['SESSION_UNKNOWN', 'TEE_RECOVERING'].includes(codeOf(error) ?? '')
            if (!isWorthIt || tries === MAX_ATTEMPTS) throw error
            await sleep(100)
          }
        }
      })
      const stored = await Promise.all(sending)

      assert.notEqual(applicationOf(world).pid, pid, 'the process ended and another one serves')
      assert.ok(codes.has('TEE_RESTARTED'), `who waited was told: ${[...codes].join()}`)
      assert.equal(new Set(stored.map(({ recordId }) => recordId)).size, AT_ONCE)
      await world.server.serving()
      const verified = await world.verifyEverything()
      assert.equal(verified.records, 1 + AT_ONCE, 'each record is there once')
      assert.deepEqual((await bob.read(before.recordId)).ehr, record(1).ehr)
    } finally {
      await world.close()
      tee.remove()
    }
  },
)

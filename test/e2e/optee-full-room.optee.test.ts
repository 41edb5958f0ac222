/**
 * As much as the trusted application in TrustZone has room for, all at once (full-room.ts), in the emulated machine: what
 * of its secure memory was never needed, by its own count. The whole log and every record are verified at the end.
 * Some sixty handshakes of an emulated machine: a quarter of an hour, so only with TRUSTHEALTH_LONG=1.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openTestWorld } from '../../testkit/src/world/index.ts'
import { opteeTee } from '../../testkit/src/world/optee.ts'
import type { QemuMachine } from '../../tee/optee/src/index.ts'
import { fillRoom } from './full-room.ts'

/** Of the engine's arena, and of the whole heap with the arena in it (optee/README.md). */
const ARENA_KIB = 6_400
const HEAP_KIB = 8_960
const skip = process.env['TRUSTHEALTH_LONG'] === '1' ? false : 'TRUSTHEALTH_LONG=1 fills the secure memory'
const MEMORY = ['engine-live', 'engine-taken-peak', 'sqlite-peak', 'heap-peak'] as const

test(
  'all sessions, handshakes, records that may wait and the largest one at once fit into the secure memory',
  { skip },
  async (t) => {
    let machine: QemuMachine | undefined
    await using world = await openTestWorld({ tee: opteeTee((now) => (machine = now)) })
    const startMs = performance.now()
    const memory = async (when: string) => {
      const said = await (machine ?? assert.fail()).describe()
      const kib = (name: (typeof MEMORY)[number]) => Math.round(Number(said.get(name)) / 1024)
      const seconds = Math.round((performance.now() - startMs) / 1000)
      t.diagnostic(`${seconds} s, ${when}: ${MEMORY.map((name) => `${name} ${kib(name)}`).join(', ')} KiB`)
      assert.ok(kib('engine-taken-peak') < ARENA_KIB)
      assert.ok(kib('heap-peak') < HEAP_KIB)
    }
    await memory('empty')
    await fillRoom(world, memory)
    await world.verifyEverything()
    await memory('verified')
  },
)

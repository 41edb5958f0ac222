/**
 * TrustZone on a platform with RPMB: an older volume does not open, whatever the ledger knows of it. The device is the one
 * that tee-supplicant plays in its own memory, so all of it happens in one run of the machine; the record server ends and
 * starts again in it, with the disk of another day.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Sha256Hex } from '../../shared/protocol/src/index.ts'
import { builtFiles, builtFolder, QemuMachine, startOpteeTee } from '../../tee/optee/src/index.ts'
import { labResult, openTestWorld } from '../../testkit/src/world/index.ts'
import { opteeTee } from '../../testkit/src/world/optee.ts'
import type { ProcessTee } from '../../testkit/src/world/world.ts'

const BUILD = join(import.meta.dirname, '../../optee/build.sh')

test('an older volume does not open where there is RPMB: STORE_DAMAGED', async (t) => {
  const built = spawnSync('bash', [BUILD, 'rpmb'], { encoding: 'utf8' })
  assert.equal(built.status, 0, built.stderr)
  let machine: QemuMachine | undefined
  t.after(() => machine?.close())
  await using world = await openTestWorld({ tee: onOneMachine((now) => (machine = now)) })
  const { isolation } = await world.server.tee.request('status', {})
  assert.deepEqual(isolation, ['trustzone', 'emulated', 'rpmb'])

  const hospital = world.hospital('a')
  const bob = await world.patient('bob')
  const { warrant } = await world.permit(bob, [hospital])
  const store = async (value: number) =>
    (await hospital.store({ patient: bob.ref, warrant, ehr: labResult(value) })).recordId
  const volume = join(world.server.dataFolder, 'volume')
  const copy = (name: string) => join(world.folder, name)

  const first = await store(1)
  await world.server.stop()
  copyFileSync(volume, copy('older'))
  await world.server.start()
  await world.server.serving()
  const second = await store(2)
  await world.server.stop()
  copyFileSync(volume, copy('newest'))

  copyFileSync(copy('older'), volume)
  await assert.rejects(world.server.start(), { code: 'STORE_DAMAGED' })

  copyFileSync(copy('newest'), volume)
  await world.server.start()
  await world.server.serving()
  assert.deepEqual((await bob.read(first)).ehr, labResult(1))
  assert.deepEqual((await bob.read(second)).ehr, labResult(2))
})

/** The machine goes on while the record server does not: its RPMB would be a new one. */
function onOneMachine(onMachine: (machine: QemuMachine) => void): ProcessTee {
  const plain = opteeTee()
  let machine: QemuMachine | undefined
  return {
    measurement: plain.measurement,
    async start(storeFolder) {
      if (machine === undefined) {
        machine = new QemuMachine({
          files: { ...builtFiles(), flash: join(builtFolder(), 'firmware-rpmb', 'flash.bin') },
          taFolder: join(builtFolder(), 'ta'),
          storeFolder: join(storeFolder, 'data'),
          logFolder: join(storeFolder, 'consoles'),
        })
        onMachine(machine)
      }
      const running = machine
      const { isolation } = running
      const kill = () => running.kill()
      return await startOpteeTee({
        machine: { isolation, open: () => running.open(), kill, close: () => Promise.resolve() },
      })
    },
    async registration(tee) {
      const { teeKind, optee } = await (plain.registration?.(tee) ?? assert.fail())
      // This OP-TEE is another one than the build's: its values are as it says. This is about the disk.
      const said = await (machine ?? assert.fail()).describe()
      const digest = (name: string) => (said.get(name) ?? assert.fail()) as Sha256Hex
      const cores = optee.cores.map((core) => ({ ...core, digest: digest('core') }))
      const programs = optee.programs.map((program) => ({ ...program, digest: digest('program') }))
      return { teeKind, optee: { ...optee, cores, programs } }
    },
  }
}

/**
 * The second act on ARM TrustZone: whoever is root of the normal world reads the secure world's memory, and somebody
 * takes the disk to another machine. The server is stopped meanwhile; after each step everything is as it was before.
 *
 * @module
 */
import { cpSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { builtFolder, QemuMachine, startOpteeTee, type MachineFiles } from '../../../../tee/optee/src/index.ts'
import type { Scene } from './cast.ts'
import { expectRefusal, expectSame, expectThat, Surprise } from './expect.ts'
import type { Step } from './player.ts'
import type { Stage } from './stage.ts'

/** The memory that the firmware gives OP-TEE and its trusted applications (TZDRAM of QEMU's virt machine). */
const SECURE_MEMORY = { start: 0x0e10_0000, end: 0x0f00_0000 }
const PAGE_BYTES = 4_096
/** Flash that the normal world may read: shows that reading works. */
const NORMAL_FLASH = 0x0400_0000

const readSecureMemory: Step<Scene> = {
  title: "the normal world's root reads the protected memory",
  async play({ stage }) {
    await stage.stopServer()
    const machine = machineOf(stage, { storeFolder: stage.dataFolder })
    try {
      const session = await machine.open()
      await session.start()
      // The trusted application is in memory now, with its keys.
      const outside = await machine.probe(NORMAL_FLASH, NORMAL_FLASH + 4, 4)
      expectSame(outside.readable, 1, 'words read outside')
      const { readable, faults, refused } = await machine.probe(SECURE_MEMORY.start, SECURE_MEMORY.end, PAGE_BYTES)
      expectSame(readable, 0, 'words read inside')
      expectSame(refused, 0, 'reads that Linux itself refused')
      expectThat(faults > 0, 'something was tried')
      await session.close()
      return `${faults} pages of 4 KiB, each a bus error; outside it reads`
    } finally {
      await machine.close()
      await stage.startServer()
    }
  },
}

const otherMachine: Step<Scene> = {
  title: 'copy the protected storage to another machine',
  async play({ stage }) {
    await stage.stopServer()
    const copy = join(stage.attackFolder(), 'stolen-disk')
    try {
      cpSync(stage.dataFolder, copy, { recursive: true })
      const machine = machineOf(stage, { storeFolder: copy, flash: flashOfOtherDevice(stage.attackFolder()) })
      const { code } = await expectRefusal('STORE_DAMAGED', async () => {
        const tee = await startOpteeTee({ machine, restart: { firstPauseMs: 1, longestPauseMs: 1 } })
        await tee.close()
      })
      return `the same program, another device: ${code}`
    } finally {
      await stage.startServer()
    }
  },
}

export const ATTACKS_ON_OPTEE: readonly Step<Scene>[] = [readSecureMemory, otherMachine]

/** A machine of ours with the server's program. */
function machineOf(stage: Stage, { storeFolder, flash }: { storeFolder: string; flash?: string }): QemuMachine {
  const { taPath, optee } = stage.program
  if (optee === undefined) throw new TypeError('only in OP-TEE')
  const files: MachineFiles = flash === undefined ? optee : { ...optee, flash }
  const taFolder = join(stage.attackFolder(), 'ta')
  mkdirSync(taFolder, { recursive: true, mode: 0o700 })
  copyFileSync(taPath, join(taFolder, taPath.slice(dirname(taPath).length + 1)))
  return new QemuMachine({ files, taFolder, storeFolder, logFolder: join(stage.attackFolder(), 'consoles') })
}

/** The same firmware with another hardware unique key: on a board it is in fuses, here in the file. */
function flashOfOtherDevice(folder: string): string {
  const header = readFileSync(join(builtFolder(), 'keys', 'test_hardware_unique_key.h'), 'utf8')
  const key = Buffer.from(
    [...header.matchAll(/0x([0-9a-f]{2})/g)].map(([, digits]) => Number.parseInt(digits ?? '', 16)),
  )
  const flash = readFileSync(join(builtFolder(), 'firmware', 'flash.bin'))
  const at = flash.indexOf(key)
  if (key.length < 16 || at < 0) throw new Surprise('the firmware has no hardware unique key of the build')
  flash[at] = (flash[at] as number) ^ 1
  const path = join(folder, 'other-device.bin')
  writeFileSync(path, flash)
  return path
}

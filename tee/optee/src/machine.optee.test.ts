/**
 * The emulated machine itself: what its normal world reaches, which programs it loads, and that it does not outlive
 * whoever started it.
 */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startOpteeTee } from './optee-tee.ts'
import { builtFiles, builtFolder, QemuMachine } from './qemu.ts'
import { TA_UUID } from './session.ts'

const SECURE = { start: 0x0e10_0000, end: 0x0f00_0000 }
const NORMAL_FLASH = 0x0400_0000
const BUILT_TA = join(builtFolder(), 'ta', `${TA_UUID}.ta`)
const folder = mkdtempSync(join(tmpdir(), 'trusthealth-machine-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function machineIn(t: TestContext, name: string, change?: (ta: Buffer) => void): QemuMachine {
  const own = join(folder, name)
  mkdirSync(join(own, 'ta'), { recursive: true })
  const ta = join(own, 'ta', `${TA_UUID}.ta`)
  copyFileSync(BUILT_TA, ta)
  if (change !== undefined) {
    const bytes = readFileSync(ta)
    change(bytes)
    writeFileSync(ta, bytes)
  }
  const machine = new QemuMachine({
    files: builtFiles(),
    taFolder: join(own, 'ta'),
    storeFolder: join(own, 'store'),
    logFolder: join(own, 'log'),
  })
  t.after(() => machine.close())
  return machine
}

test('the normal world’s root reads its flash, and of secure memory not one page, with the program loaded', async (t) => {
  const machine = machineIn(t, 'probe')
  const session = await machine.open()
  assert.deepEqual(await machine.probe(NORMAL_FLASH, NORMAL_FLASH + 4, 4), { readable: 1, faults: 0, refused: 0 })
  const pages = (SECURE.end - SECURE.start) / 4_096
  assert.deepEqual(await machine.probe(SECURE.start, SECURE.end, 4_096), { readable: 0, faults: pages, refused: 0 })
  await session.close()
})

test('a program with one changed byte is not loaded: TEE_MEASUREMENT', async (t) => {
  const machine = machineIn(t, 'changed', (ta) => {
    ta[ta.length - 5_000] = (ta[ta.length - 5_000] as number) ^ 1
  })
  await assert.rejects(startOpteeTee({ machine }), { code: 'TEE_MEASUREMENT' })
})

/** The built program, signed again. */
function signAgain(out: string, key: string, version: string): void {
  execFileSync(join(builtFolder(), 'os/export-ta_arm64/scripts/sign_encrypt.py'), [
    'sign-enc',
    `--uuid=${TA_UUID}`,
    `--ta-version=${version}`,
    '--algo=TEE_ALG_RSASSA_PKCS1_V1_5_SHA256',
    `--in=${join(builtFolder(), 'build', TA_UUID, 'o', `${TA_UUID}.stripped.elf`)}`,
    `--key=${key}`,
    `--out=${out}`,
  ])
}

test('the program signed by somebody else is not loaded: TEE_MEASUREMENT', async (t) => {
  const machine = machineIn(t, 'signer')
  const key = join(folder, 'other.pem')
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 3072 })
  writeFileSync(key, privateKey.export({ type: 'pkcs8', format: 'pem' }))
  signAgain(join(folder, 'signer/ta', `${TA_UUID}.ta`), key, '1')
  await assert.rejects(startOpteeTee({ machine }), { code: 'TEE_MEASUREMENT' })
})

test('a version older than the one that has run on this device is not loaded: TEE_MEASUREMENT', async (t) => {
  const machine = machineIn(t, 'older')
  await (await machine.open()).close()
  signAgain(join(folder, 'older/ta', `${TA_UUID}.ta`), join(builtFolder(), 'keys/ta-signing.pem'), '0')
  await assert.rejects(machine.open(), { code: 'TEE_MEASUREMENT' })
})

for (const { name, starts } of [
  { name: 'a machine does not outlive whoever started it', starts: ['booted'] },
  { name: 'nor does one that has not booted yet', starts: ['booting'] },
  { name: 'nor where the kernel does not tie it to its starter', starts: ['booting', 'qemu-system-aarch64'] },
]) {
  test(name, async () => {
    const own = mkdtempSync(join(folder, 'orphan-'))
    const program = join(import.meta.dirname, '../test-fixtures/boot-machine.ts')
    const starter = spawn(process.execPath, [program, own, ...starts], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [said] = (await once(starter.stdout, 'data')) as [Buffer]
    const pid = Number(said.toString())
    assert.ok(pid > 0 && existsSync(`/proc/${pid}`))
    starter.kill('SIGKILL')
    // The runner ends a test that hangs.
    while (existsSync(`/proc/${pid}`)) await sleep(50)
  })
}

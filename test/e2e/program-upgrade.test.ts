/**
 * The record server's program is exchanged, as it is shipped: another measured file takes the store over after the
 * organisations voted for it, everything old is readable, and neither an unapproved nor an earlier file is served by.
 * docs/protocol/10 §10.8.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { after, before, test } from 'node:test'
import { sqlCipherPackage, startProcessTee } from '../../tee/process/src/index.ts'
import {
  bundleTee,
  labResult,
  openScene,
  refusedWith,
  type BundledTee,
  type Scene,
} from '../../testkit/src/world/index.ts'

interface Program {
  readonly taPath: string
  readonly hostPath: string
  readonly measurement: string
}

const folder = mkdtempSync(join(tmpdir(), 'trusthealth-upgrade-'))
let built: BundledTee
let first: Program
let second: Program
/** As the second, with a higher security version. */
let third: Program
let installed: Program
let scene: Scene

before(async () => {
  built = await bundleTee()
  first = built
  second = variant('second', (source) => `${source}\n// another build\n`)
  third = variant('third', (source) => source.replace(/\bSECURITY_VERSION = 1\b/, 'SECURITY_VERSION = 2'))
  installed = first
  const start: BundledTee['start'] = (storeFolder, traffic) => {
    const { taPath, hostPath, measurement: expectedMeasurement } = installed
    return startProcessTee({
      taPath,
      hostPath,
      expectedMeasurement,
      storeFolder,
      nativePackages: [sqlCipherPackage()],
      restart: { firstPauseMs: 20, longestPauseMs: 200 },
      onDiagnostic: (line) => traffic.log(line),
    })
  }
  scene = await openScene({ tee: { measurement: first.measurement, start } })
})
after(async () => {
  await scene?.world.close()
  built?.remove()
  rmSync(folder, { recursive: true, force: true })
})

/** Another program from the same host: a file that differs, so with another measurement. */
function variant(name: string, change: (source: string) => string): Program {
  const source = readFileSync(built.taPath, 'utf8')
  const changed = change(source)
  assert.notEqual(changed, source)
  const taPath = join(folder, `${name}.mjs`)
  const hostPath = join(folder, basename(built.hostPath))
  copyFileSync(built.hostPath, hostPath)
  writeFileSync(taPath, changed)
  return { taPath, hostPath, measurement: createHash('sha256').update(changed).digest('hex') }
}

/** Exchanges the file and starts it; resolves when it serves. */
async function install(program: Program): Promise<void> {
  const { world } = scene
  installed = program
  await world.server.stop()
  await world.server.start()
  await world.server.serving()
}

/** The votes of both hospitals, and the leave of the operator for clients. */
async function approve({ measurement }: Program, securityVersion: number): Promise<void> {
  const { world } = scene
  for (const name of ['a', 'b'] as const) {
    await world.submitAsAdmin(name, 'approveProgram', [measurement, String(securityVersion)])
  }
  const accepted = [first, second, third].map((program) => program.measurement)
  await world.submitAsAdmin('a', 'setMeasurements', [world.serverRef, JSON.stringify(accepted)])
}

test('a program that nobody approved does not get the store; the earlier one goes on', async () => {
  await assert.rejects(install(second), refusedWith('PROGRAM_NOT_APPROVED'))
  await install(first)
  const { alice, stored } = scene
  assert.equal((await alice.read(stored.recordId)).recordId, stored.recordId)
})

test('one vote of two is too few', async () => {
  await scene.world.submitAsAdmin('a', 'approveProgram', [second.measurement, '1'])
  await assert.rejects(install(second), refusedWith('PROGRAM_NOT_APPROVED'))
})

test('an approved program takes over: what was stored is read and verified, more is stored', async () => {
  await approve(second, 1)
  await install(second)
  const { world, bob, alice, warrant, stored } = scene
  assert.equal((await alice.read(stored.recordId)).recordId, stored.recordId)
  await alice.store({ patient: bob.ref, warrant, ehr: labResult(2) })
  assert.equal((await world.verifyEverything()).records, 2)
})

test('after a program with a higher security version an earlier one is refused, whatever was voted', async () => {
  await approve(third, 2)
  await approve(first, 1)
  await install(third)
  for (const earlier of [second, first]) await assert.rejects(install(earlier), refusedWith('PROGRAM_DOWNGRADE'))
  await install(third)
  assert.equal((await scene.world.verifyEverything()).records, 2)
})

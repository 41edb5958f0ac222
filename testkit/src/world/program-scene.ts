/**
 * A system whose record server's program is exchanged, as programs are shipped: measured files that differ.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { sqlCipherPackage, startProcessTee } from '../../../tee/process/src/index.ts'
import { bundleTee, type BundledTee } from './process-tee.ts'
import { openScene, type Scene } from './scene.ts'
import type { TestWorldOptions } from './world.ts'

export interface Program {
  readonly taPath: string
  readonly hostPath: string
  /** Hex SHA-256 of the file at `taPath`. */
  readonly measurement: string
}

export interface ProgramScene extends Scene {
  /** The program that the system was made with, of security version 1. */
  readonly first: Program
  /** Another build of the same security version. */
  readonly second: Program
  /** One of security version 2. */
  readonly third: Program
  /** Exchanges the file and starts it; resolves when it serves, rejects with what it ended with. */
  install(program: Program): Promise<void>
  /** The votes of both hospitals, and the leave of the operator for clients. */
  approve(program: Program, securityVersion: number): Promise<void>
  close(): Promise<void>
}

export async function openProgramScene(ledger: Pick<TestWorldOptions, 'fabric'> = {}): Promise<ProgramScene> {
  const built = await bundleTee()
  const folder = mkdtempSync(join(tmpdir(), 'trusthealth-programs-'))
  const first: Program = built
  const second = variantOf(built, folder, 'second', (source) => `${source}\n// another build\n`)
  const third = variantOf(built, folder, 'third', (source) =>
    source.replace(/\bSECURITY_VERSION = 1\b/, 'SECURITY_VERSION = 2'),
  )
  let installed = first
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
  const scene = await openScene({ ...ledger, tee: { measurement: first.measurement, start } })
  const { world } = scene
  return {
    ...scene,
    first,
    second,
    third,
    async install(program) {
      installed = program
      await world.server.stop()
      await world.server.start()
      await world.server.serving()
    },
    async approve({ measurement }, securityVersion) {
      for (const name of ['a', 'b'] as const) {
        await world.submitAsAdmin(name, 'approveProgram', [measurement, String(securityVersion)])
      }
      const accepted = [first, second, third].map((program) => program.measurement)
      await world.submitAsAdmin('a', 'setMeasurements', [world.serverRef, JSON.stringify(accepted)])
    },
    async close() {
      await world.close()
      built.remove()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Another program from the same host: a file that differs, so with another measurement. */
function variantOf(built: BundledTee, folder: string, name: string, change: (source: string) => string): Program {
  const source = readFileSync(built.taPath, 'utf8')
  const changed = change(source)
  assert.notEqual(changed, source)
  const taPath = join(folder, `${name}.mjs`)
  const hostPath = join(folder, basename(built.hostPath))
  copyFileSync(built.hostPath, hostPath)
  writeFileSync(taPath, changed)
  return { taPath, hostPath, measurement: createHash('sha256').update(changed).digest('hex') }
}

/**
 * Starts the trusted application's process: exactly the bytes that were measured, with nothing it does not need. Empty
 * environment, three pipes and no other descriptor, the permission model of Node, and what `findConfinement` found.
 *
 * Folders under `storeFolder`: `data`, the only one the process may write; `run`, the copy that is started.
 *
 * @module
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { TeeError } from '../../src/errors.ts'
import { findConfinement, type Confinement, type InsecureConfinement } from './isolation.ts'
import { measure, measureRuntime, type NativePackage } from './measurement.ts'
import { seccompFilter } from './seccomp.ts'

export type TaProcess = ChildProcessByStdio<Writable, Readable, Readable>

export interface LaunchOptions {
  /** The measured bytes. */
  readonly bundle: Uint8Array
  /** The program that runs them in a process: part of the runtime. */
  readonly host: Uint8Array
  readonly storeFolder: string
  readonly nativePackages: readonly NativePackage[]
  /** Program of the runtime; default: the one that runs this. */
  readonly program?: string
  readonly insecureConfinement?: InsecureConfinement
  /** For the trusted application, after those of docs/protocol/10-tee-abi.md §10.6. */
  readonly taArguments?: readonly string[]
}

/** Everything that is found out once and used for each start. */
export interface Launcher {
  readonly isolation: readonly string[]
  /** Starts a process. @throws {TeeError} `TEE_MEASUREMENT` if the copy is not what was written. */
  start(): TaProcess
}

export async function prepareLaunch(options: LaunchOptions): Promise<Launcher> {
  const { bundle, host, nativePackages, program = process.execPath } = options
  const data = join(options.storeFolder, 'data')
  const run = join(options.storeFolder, 'run')
  mkdirSync(data, { recursive: true, mode: 0o700 })
  rmSync(run, { recursive: true, force: true })
  mkdirSync(run, { recursive: true, mode: 0o700 })

  const filterFile = writeFilter(run)
  const confinement = await findConfinement(filterFile, options.insecureConfinement)
  const measurement = measure(bundle)
  const copies = [
    { path: join(run, 'trusted-application.mjs'), bytes: bundle },
    { path: join(run, 'node-host.mjs'), bytes: host },
  ] as const
  for (const { name, folder } of nativePackages) {
    const link = join(run, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(folder, link)
  }
  const readable = [run, ...nativePackages.map(({ folder }) => folder)]
  const command = [
    program,
    '--permission',
    '--allow-addons',
    ...[data, ...readable].map((path) => `--allow-fs-read=${path}`),
    `--allow-fs-write=${data}`,
    // No inspector, no files in the working folder, no source maps: nothing that could write content elsewhere.
    '--disable-sigusr1',
    '--no-warnings',
    copies[1].path,
    `--store=${data}`,
    `--measurement=${measurement}`,
    `--runtime=${await measureRuntime(program, host, nativePackages)}`,
    `--isolation=${confinement.isolation.join(',')}`,
    ...(options.taArguments ?? []),
  ]
  const wrapped = confinement.wrap(command, { read: [program, ...readable], write: [data] })
  return {
    isolation: confinement.isolation,
    start() {
      for (const { path, bytes } of copies) writeCopy(path, bytes)
      return spawnConfined(wrapped, confinement, filterFile)
    },
  }
}

/** Writes the measured bytes where they are started from, and looks again. */
function writeCopy(path: string, bytes: Uint8Array): void {
  rmSync(path, { force: true })
  writeFileSync(path, bytes, { flag: 'wx', mode: 0o400 })
  chmodSync(path, 0o400)
  if (!readFileSync(path).equals(bytes)) {
    throw new TeeError('TEE_MEASUREMENT', 'the copy of the trusted application was changed')
  }
}

function writeFilter(run: string): string | undefined {
  const filter = process.platform === 'linux' ? seccompFilter(process.arch) : undefined
  if (filter === undefined) return undefined
  const path = join(run, 'seccomp.bpf')
  writeFileSync(path, filter, { mode: 0o400 })
  return path
}

function spawnConfined(
  [program = '', ...args]: readonly string[],
  confinement: Confinement,
  filterFile: string | undefined,
): TaProcess {
  const needed = confinement.needsFilter ? filterFile : undefined
  const filter = needed === undefined ? undefined : openSync(needed, 'r')
  try {
    // node:child_process closes every other descriptor in the child; fd 3 ends in bubblewrap, which reads it.
    return spawn(program, args, {
      env: {},
      stdio: ['pipe', 'pipe', 'pipe', ...(filter === undefined ? [] : [filter])],
    }) as unknown as TaProcess
  } finally {
    if (filter !== undefined) closeSync(filter)
  }
}

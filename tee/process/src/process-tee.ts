/**
 * The driver of the `process` TEE: the trusted application in an operating system process of its own. It is a
 * simulation: the machine's administrator can read that process's memory, and its evidence says so.
 *
 * Frames go over the process's standard input and output. Spec: docs/protocol/10-tee-abi.md §10.1, §10.6.
 *
 * @module
 */
import type { TeeDriver } from '../../src/driver.ts'
import { startStreamTee, type StreamTeeOptions, type TaListener, type TaStream } from '../../src/stream-tee.ts'
import type { InsecureConfinement } from './isolation.ts'
import { prepareLaunch, type TaProcess } from './launch.ts'
import { readHost, readMeasured, type NativePackage } from './measurement.ts'

export interface ProcessTeeOptions extends StreamTeeOptions {
  /** The bundle, `dist/ta/trusted-application.mjs`. */
  readonly taPath: string
  /** What runs the bundle in a process; default: `dist/ta/node-host.mjs` of this product. */
  readonly hostPath?: string
  /** SHA-256 of the bundle, lower-case hex: from the release or the ledger, not from the file itself. */
  readonly expectedMeasurement: string
  /** Made if it does not exist. The trusted application sees its subfolder `data` only. */
  readonly storeFolder: string
  readonly nativePackages?: readonly NativePackage[]
  /** Less than the strongest confinement that works; the evidence will say so. */
  readonly insecureConfinement?: InsecureConfinement
  /** More arguments of the trusted application, such as `--cache-kib=…`. */
  readonly taArguments?: readonly string[]
}

/**
 * Starts the trusted application; resolves when its process runs and has answered its first `status`.
 * @throws {TeeError} `TEE_MEASUREMENT`, also for no host; `SERVER_UNAVAILABLE` or its own reason if it ends at once.
 */
export async function startProcessTee(options: ProcessTeeOptions): Promise<TeeDriver> {
  const bundle = readMeasured(options.taPath, options.expectedMeasurement)
  const launcher = await prepareLaunch({
    bundle,
    host: readHost(options.hostPath),
    storeFolder: options.storeFolder,
    nativePackages: options.nativePackages ?? [],
    taArguments: options.taArguments ?? [],
    ...(options.insecureConfinement === undefined ? {} : { insecureConfinement: options.insecureConfinement }),
  })
  return await startStreamTee(
    {
      kind: 'process',
      isolation: launcher.isolation,
      start: (listener) => streamOf(launcher.start(), listener, options.onDiagnostic),
    },
    options,
  )
}

function streamOf(child: TaProcess, listener: TaListener, onDiagnostic?: (line: string) => void): TaStream {
  let isCorked = false
  child.stdout.on('data', (chunk: Uint8Array) => listener.onData(chunk))
  // A process that ended cannot be written to; its end is told by `close`.
  child.stdin.on('error', () => undefined)
  child.on('error', () => undefined)
  forwardLines(child, onDiagnostic)
  child.once('close', () => listener.onEnded())
  return {
    write(parts) {
      if (!isCorked) {
        isCorked = true
        child.stdin.cork()
        process.nextTick(() => {
          isCorked = false
          child.stdin.uncork()
        })
      }
      for (const part of parts) child.stdin.write(part)
    },
    end: (force) => void child.kill(force ? 'SIGKILL' : 'SIGTERM'),
  }
}

const MAX_LINE = 500

function forwardLines(child: TaProcess, onDiagnostic: ((line: string) => void) | undefined): void {
  let rest = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (onDiagnostic === undefined) return
    const lines = (rest + text).split('\n')
    rest = (lines.pop() ?? '').slice(0, MAX_LINE)
    for (const line of lines) onDiagnostic(line.slice(0, MAX_LINE))
  })
  child.once('close', () => {
    if (rest !== '') onDiagnostic?.(rest)
  })
}

/**
 * Host of the trusted application in TrustZone: ports over the C functions of optee/ta, frames from and to the one who
 * calls. C calls `start` once, then `exchange` for each command, and `take` for output (optee/README.md).
 *
 * @module
 */
import {
  createOpteeCrypto,
  createOpteeDatabasePort,
  createOpteeDeviceKey,
  createOpteeEvidence,
  type Native,
} from '../../adapters/optee/src/index.ts'
import type { TrustedApplication } from '../../core/src/index.ts'
import { createTrustedApplication, FrameReader, SMALL_LIMITS, TA_ID } from './trusted-application.ts'

/** Secure memory is scarce: as much as the storage has set aside (TH_STORAGE_PAGES of optee/storage/sql). */
const CACHE_KIB = 512
/** Enough for the tens of thousands of rows that there is memory for. */
const BUCKET_BITS = 11
const FLAG = { more: 1, due: 2, ended: 4, fatal: 8 } as const

let application: TrustedApplication | undefined
let isBroken = false
const reader = new FrameReader()
let output: Uint8Array[] = []
let outputAt = 0
let outputBytes = 0

/** @param native made by the engine host. */
export function start(native: Native): void {
  const crypto = createOpteeCrypto(native)
  const deviceKey = createOpteeDeviceKey(crypto, native, TA_ID)
  const isolation = surroundings(native)
  application = createTrustedApplication(
    {
      crypto,
      deviceKey,
      clock: { nowMs: () => native.unixMs(), monotonicMs: () => native.monotonicMs() },
      evidence: createOpteeEvidence(crypto, native, deviceKey, isolation),
      database: createOpteeDatabasePort(native, { cacheKib: CACHE_KIB }),
    },
    { measurement: native.measurement, isolation, taId: TA_ID, bucketBits: BUCKET_BITS, limits: SMALL_LIMITS },
  )
}

/** Takes a piece of the stream; commits unless more of it follows at once. @returns flags */
export function exchange(input: Uint8Array, hasMore: boolean): number {
  if (application === undefined) throw new TypeError('start comes first')
  if (!isBroken) {
    try {
      for (const message of reader.push(input)) application.handle(message)
    } catch {
      // No stream of frames, or a message larger than there is memory for.
      isBroken = true
    }
    if (!hasMore) for (const frame of application.commit()) append(frame)
  }
  return flags(application)
}

/** The next bytes of the output, at most `maxBytes`. */
export function take(maxBytes: number): Uint8Array {
  const piece = new Uint8Array(Math.min(maxBytes, outputBytes))
  for (let at = 0; at < piece.length;) {
    const first = output[0]
    if (first === undefined) break
    const part = first.subarray(outputAt, outputAt + piece.length - at)
    piece.set(part, at)
    at += part.length
    outputAt += part.length
    if (outputAt === first.length) {
      output.shift()
      outputAt = 0
    }
  }
  outputBytes -= piece.length
  return piece
}

/** Bytes that wait to be taken. */
export function waiting(): number {
  return outputBytes
}

/** Words of status and evidence. */
function surroundings({ isSimulated, hasAnchor }: Native): readonly string[] {
  return ['trustzone', ...(isSimulated ? ['emulated'] : []), ...(hasAnchor ? ['rpmb'] : [])]
}

function append(frame: Uint8Array): void {
  output.push(frame)
  outputBytes += frame.length
}

function flags({ state, isFatal, isDue }: TrustedApplication): number {
  const ended = isBroken || state === 'stopped'
  return (isDue && !ended ? FLAG.due : 0) | (ended ? FLAG.ended : 0) | (isFatal || isBroken ? FLAG.fatal : 0)
}

/**
 * The driver of the `optee` TEE: the trusted application in ARM TrustZone. Frames go through one session of libteec, in
 * pieces; when the session or the machine is lost, both are had again as a process would be started again.
 * Spec: docs/protocol/10-tee-abi.md §10.7.
 *
 * @module
 */
import type { TeeDriver } from '../../src/driver.ts'
import { startStreamTee, type StreamTeeOptions, type TaListener, type TaStream } from '../../src/stream-tee.ts'
import { pumpSession } from './pump.ts'
import { MAX_MESSAGE_BYTES, type OpteeMachine, type TaSession } from './session.ts'

export interface OpteeTeeOptions extends StreamTeeOptions {
  /** This machine's OP-TEE, or an emulated machine; the driver closes it. */
  readonly machine: OpteeMachine
}

/**
 * Starts the trusted application; resolves when it has answered its first `status`.
 * @throws {TeeError} `TEE_MEASUREMENT` if OP-TEE does not load it; `SERVER_UNAVAILABLE` or its own reason if it ends at
 * once.
 */
export async function startOpteeTee(options: OpteeTeeOptions): Promise<TeeDriver> {
  const { machine, onDiagnostic } = options
  return await startStreamTee(
    {
      kind: 'optee',
      isolation: machine.isolation,
      start: (listener) => startSession(machine, listener, onDiagnostic),
      close: () => machine.close(),
    },
    { maxMessageBytes: MAX_MESSAGE_BYTES, ...options },
  )
}

async function startSession(
  machine: OpteeMachine,
  listener: TaListener,
  onDiagnostic?: (line: string) => void,
): Promise<TaStream> {
  const session: TaSession = await machine.open()
  try {
    await session.start()
  } catch (error) {
    await session.close()
    throw error
  }
  return pumpSession(session, listener, {
    kill: () => machine.kill(),
    ...(onDiagnostic === undefined ? {} : { onDiagnostic }),
  })
}

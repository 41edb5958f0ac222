/**
 * OP-TEE of the machine this runs on, through libteec: for ARM boards. Calls run on a thread of their own, so that the
 * event loop goes on while the secure world works; data goes through two shared memories that are made once.
 *
 * Limits: structures are laid out for 64-bit Linux, as libteec 3.x and 4.x have them. The only importer of koffi.
 *
 * @module
 */
import { TeeError } from '../../src/errors.ts'
import {
  checkResult,
  MAX_INPUT_BYTES,
  OUTPUT_BYTES,
  TA_UUID,
  type Exchange,
  type OpteeMachine,
  type TaSession,
} from './session.ts'
import { inTime } from './time-limit.ts'

const LIBRARY = 'libteec.so.2'
/** At least the size of each structure, with room for versions to come. */
const STRUCT_BYTES = 256
const COMMAND = { start: 1, exchange: 2 } as const
/** A board does in less than a second what emulation needs a minute for. */
export const CALL_LIMIT_MS = 60_000
const MEMORY = { input: 1, output: 2 } as const

/** TEEC_PARAM_TYPES of four kinds. */
const typesOf = (...kinds: readonly number[]) => kinds.reduce((all, kind, i) => all | (kind << (4 * i)), 0)
const VALUE_INPUT = 1
const VALUE_OUTPUT = 2
const PARTIAL_INPUT = 0xd
const PARTIAL_OUTPUT = 0xe
const EXCHANGE_TYPES = typesOf(PARTIAL_INPUT, PARTIAL_OUTPUT, VALUE_OUTPUT, VALUE_INPUT)

/** TEEC_Operation: started, paramTypes, four parameters of 24 bytes. */
const parameterAt = (index: number) => 8 + 24 * index

type Koffi = typeof import('koffi')
type Call = (...parameters: readonly unknown[]) => Promise<number>

/** A piece of memory outside the heap, whose address does not change. */
interface Memory {
  readonly pointer: unknown
  readonly address: bigint
  readonly bytes: Uint8Array
  readonly view: DataView
}

export interface LibteecOptions {
  /** Path of the library, where it is another than `libteec.so.2`. */
  readonly library?: string
  /** A call into the secure world that takes longer never returns: its session is given up. Default: a minute. */
  readonly callLimitMs?: number
}

/** @throws {TeeError} `SERVER_UNAVAILABLE` if this machine has no libteec, or koffi is not installed for it. */
export async function openLibteec(options: LibteecOptions = {}): Promise<OpteeMachine> {
  const { library = LIBRARY, callLimitMs = CALL_LIMIT_MS } = options
  try {
    const koffi = await import('koffi')
    return new LocalMachine(koffi, new Calls(koffi, library), callLimitMs)
  } catch (cause) {
    throw new TeeError('SERVER_UNAVAILABLE', 'this machine has no libteec', { cause })
  }
}

/** The functions, each as one that does not block. */
class Calls {
  readonly initializeContext: Call
  readonly openSession: Call
  readonly invokeCommand: Call
  readonly allocateSharedMemory: Call
  readonly closeSession: Call
  readonly releaseSharedMemory: Call
  readonly finalizeContext: Call

  constructor(koffi: Koffi, path: string) {
    const library = koffi.load(path)
    const call = (declaration: string): Call => {
      const func = library.func(declaration)
      return (...parameters) =>
        new Promise((resolve, reject) => {
          func.async(...parameters, (error: unknown, result: unknown) => {
            if (error === null || error === undefined) resolve(Number(result ?? 0))
            else reject(error)
          })
        })
    }
    this.initializeContext = call('uint32_t TEEC_InitializeContext(void *name, void *context)')
    this.openSession = call(
      'uint32_t TEEC_OpenSession(void *context, void *session, void *destination, uint32_t method, void *data, void *operation, void *origin)',
    )
    this.invokeCommand = call(
      'uint32_t TEEC_InvokeCommand(void *session, uint32_t command, void *operation, void *origin)',
    )
    this.allocateSharedMemory = call('uint32_t TEEC_AllocateSharedMemory(void *context, void *memory)')
    this.closeSession = call('void TEEC_CloseSession(void *session)')
    this.releaseSharedMemory = call('void TEEC_ReleaseSharedMemory(void *memory)')
    this.finalizeContext = call('void TEEC_FinalizeContext(void *context)')
  }
}

class LocalMachine implements OpteeMachine {
  readonly isolation = ['trustzone']
  readonly #koffi: Koffi
  readonly #calls: Calls
  readonly #callLimitMs: number
  #connection: Connection | undefined
  #session: LocalSession | undefined

  constructor(koffi: Koffi, calls: Calls, callLimitMs: number) {
    this.#koffi = koffi
    this.#calls = calls
    this.#callLimitMs = callLimitMs
  }

  async open(): Promise<TaSession> {
    const connection = await this.#connect()
    const session = this.#allocate(STRUCT_BYTES)
    const uuid = this.#allocate(16)
    const bytes = Buffer.from(TA_UUID.replaceAll('-', ''), 'hex')
    uuid.bytes.set(bytes)
    // The first three fields are numbers of this machine.
    uuid.view.setUint32(0, bytes.readUInt32BE(0), true)
    uuid.view.setUint16(4, bytes.readUInt16BE(4), true)
    uuid.view.setUint16(6, bytes.readUInt16BE(6), true)
    const { context } = connection
    const result = await this.#calls.openSession(context.pointer, session.pointer, uuid.pointer, 0, null, null, null)
    this.#free(uuid)
    if (result !== 0) this.#free(session)
    checkResult(result, 'open')
    this.#session = new LocalSession(this.#calls, session, this.#allocate(STRUCT_BYTES), connection, {
      callLimitMs: this.#callLimitMs,
      free: (memory) => this.#free(memory),
      giveUp: () => this.#giveUp(connection),
      release: () => this.#release(connection),
    })
    return this.#session
  }

  /** A call cannot be taken back, but nobody needs to wait for it. */
  kill(): void {
    this.#session?.giveUp()
  }

  async close(): Promise<void> {
    const connection = this.#connection
    this.#connection = undefined
    if (connection !== undefined) await this.#release(connection)
  }

  /** A call that hangs may still write into its memory: the next session has another. */
  #giveUp(connection: Connection): void {
    if (this.#connection === connection) this.#connection = undefined
  }

  async #release({ context, input, output }: Connection): Promise<void> {
    for (const { structure } of [input, output]) await this.#calls.releaseSharedMemory(structure.pointer)
    await this.#calls.finalizeContext(context.pointer)
  }

  async #connect(): Promise<Connection> {
    if (this.#connection !== undefined) return this.#connection
    const context = this.#allocate(STRUCT_BYTES)
    checkResult(await this.#calls.initializeContext(null, context.pointer), 'initialize')
    const input = await this.#share(context, MAX_INPUT_BYTES, MEMORY.input)
    const output = await this.#share(context, OUTPUT_BYTES, MEMORY.output)
    this.#connection = { context, input, output }
    return this.#connection
  }

  /** Memory of both worlds, allocated by the driver of the kernel. */
  async #share(context: Memory, size: number, flags: number): Promise<Shared> {
    const structure = this.#allocate(STRUCT_BYTES)
    structure.view.setBigUint64(8, BigInt(size), true)
    structure.view.setUint32(16, flags, true)
    checkResult(await this.#calls.allocateSharedMemory(context.pointer, structure.pointer), 'share')
    const address = structure.view.getBigUint64(0, true)
    return { structure, bytes: new Uint8Array(this.#koffi.view(address, size)) }
  }

  #allocate(length: number): Memory {
    const pointer: unknown = this.#koffi.alloc('uint8_t', length)
    const bytes = new Uint8Array(this.#koffi.view(pointer, length))
    bytes.fill(0)
    const view = new DataView(bytes.buffer, bytes.byteOffset, length)
    return { pointer, address: this.#koffi.address(pointer), bytes, view }
  }

  #free(memory: Memory): void {
    this.#koffi.free(memory.pointer)
  }
}

interface Shared {
  /** TEEC_SharedMemory. */
  readonly structure: Memory
  readonly bytes: Uint8Array
}

/** A context with its two memories, for one session after the other. */
interface Connection {
  readonly context: Memory
  readonly input: Shared
  readonly output: Shared
}

interface SessionOptions {
  readonly callLimitMs: number
  free(memory: Memory): void
  /** The connection is not to be used again. */
  giveUp(): void
  /** Nothing uses the connection any more that was given up. */
  release(): Promise<void>
}

class LocalSession implements TaSession {
  /** A call tells that the trusted application is dead; nothing else does, and this resolves when it was given up. */
  readonly lost: Promise<void>
  readonly #calls: Calls
  readonly #session: Memory
  readonly #operation: Memory
  readonly #connection: Connection
  readonly #options: SessionOptions
  #tellLost: () => void = () => {}
  /** The call that is under way. */
  #call: Promise<unknown> | undefined
  #isGivenUp = false
  #isClosed = false

  constructor(calls: Calls, session: Memory, operation: Memory, connection: Connection, options: SessionOptions) {
    this.#calls = calls
    this.#session = session
    this.#operation = operation
    this.#connection = connection
    this.#options = options
    this.lost = new Promise((resolve) => (this.#tellLost = resolve))
  }

  async start(): Promise<void> {
    this.#operation.bytes.fill(0)
    checkResult(await this.#invoke(COMMAND.start), 'start')
  }

  async exchange(input: Uint8Array, hasMore: boolean): Promise<Exchange> {
    if (input.length > MAX_INPUT_BYTES) throw new RangeError('input of an exchange is at most 1 MiB')
    const { view, bytes } = this.#operation
    bytes.fill(0)
    view.setUint32(4, EXCHANGE_TYPES, true)
    this.#connection.input.bytes.set(input)
    this.#setMemory(0, this.#connection.input, input.length)
    this.#setMemory(1, this.#connection.output, OUTPUT_BYTES)
    view.setUint32(parameterAt(3), hasMore ? 1 : 0, true)
    checkResult(await this.#invoke(COMMAND.exchange), 'exchange')
    const written = Number(view.getBigUint64(parameterAt(1) + 8, true))
    if (written > OUTPUT_BYTES) throw new TeeError('TEE_FRAME_INVALID')
    return { flags: view.getUint32(parameterAt(2), true), output: this.#connection.output.bytes.slice(0, written) }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    // A call that hangs has the session until it returns, if it ever does.
    if (this.#isGivenUp) void this.#call?.then(() => this.#end()).catch(() => undefined)
    else await this.#end()
  }

  /** Nobody waits for the call that is under way any more. */
  giveUp(): void {
    if (this.#call === undefined || this.#isGivenUp) return
    this.#isGivenUp = true
    this.#options.giveUp()
    this.#tellLost()
  }

  async #end(): Promise<void> {
    await this.#calls.closeSession(this.#session.pointer)
    this.#options.free(this.#session)
    this.#options.free(this.#operation)
    if (this.#isGivenUp) await this.#options.release()
  }

  /** TEEC_RegisteredMemoryReference: parent, size, offset. */
  #setMemory(index: number, { structure }: Shared, size: number): void {
    this.#operation.view.setBigUint64(parameterAt(index), structure.address, true)
    this.#operation.view.setBigUint64(parameterAt(index) + 8, BigInt(size), true)
  }

  async #invoke(command: number): Promise<number> {
    if (this.#isGivenUp) throw new TeeError('SERVER_UNAVAILABLE', 'the session was given up')
    const call = this.#calls.invokeCommand(this.#session.pointer, command, this.#operation.pointer, null)
    this.#call = call
    const given = this.lost.then(() => {
      throw new TeeError('SERVER_UNAVAILABLE', 'the session was given up')
    })
    try {
      return await inTime(Promise.race([call, given]), this.#options.callLimitMs, () => this.giveUp())
    } finally {
      if (!this.#isGivenUp) this.#call = undefined
    }
  }
}

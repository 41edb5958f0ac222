/**
 * An ARM machine with TrustZone that is emulated by QEMU: OP-TEE in its secure world, a small Linux with the proxy in its
 * normal world. For development and CI: who owns the process of the emulator reads everything in it.
 * What the machine is made of: optee/README.md.
 *
 * @module
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { TeeError } from '../../src/errors.ts'
import { ProxyChannel, type Probe } from './proxy-channel.ts'
import type { OpteeMachine, TaSession } from './session.ts'

export const PORT_NAME = 'trusthealth.tee'
const EMULATOR = ['qemu-system-aarch64']
/** The kernel ends the emulator with whoever started it, also before anything runs in it; where util-linux is. */
const TIED = ['/usr/bin/setpriv', '--pdeathsig', 'KILL', '--']
/** U-Boot is loaded at 512 MiB: less does not boot. */
const MEMORY_MIB = 1024
/** An emulated machine has booted after 10 to 40 seconds; one that has not by then never will. */
const BOOT_MS = 240_000
/** The longest calls under emulation, START with a large store and a bulk import, take well under a minute. */
export const CALL_LIMIT_MS = 300_000
const CONSOLE_LINES = 5

export interface MachineFiles {
  /** TF-A, OP-TEE and U-Boot. */
  readonly flash: string
  readonly kernel: string
  readonly initrd: string
}

/** Where `npm run optee:build` leaves what it made: $TRUSTHEALTH_OPTEE_CACHE or ~/.cache/trusthealth/optee. */
export function builtFolder(environment: NodeJS.ProcessEnv = process.env): string {
  return environment['TRUSTHEALTH_OPTEE_CACHE'] ?? join(homedir(), '.cache', 'trusthealth', 'optee')
}

export function builtFiles(folder = builtFolder()): MachineFiles {
  return {
    flash: join(folder, 'firmware', 'flash.bin'),
    kernel: join(folder, 'Image'),
    initrd: join(folder, 'initrd.gz'),
  }
}

export interface QemuOptions {
  readonly files: MachineFiles
  /** Folder with `<uuid>.ta`; the guest reads it only. */
  readonly taFolder: string
  /** Files of the secure storage: the normal world's disk. */
  readonly storeFolder: string
  /** Folder for the consoles `normal-world.log` and `secure-world.log`, written anew at each boot. */
  readonly logFolder: string
  /** For tests: another program than QEMU, which gets the same arguments after its own. */
  readonly command?: readonly string[]
  /** A call into the secure world that takes longer never returns: the machine is taken down. Default: 5 minutes. */
  readonly callLimitMs?: number
  readonly onDiagnostic?: (line: string) => void
}

/** The machine boots when its trusted application is opened first, and again after it was lost. */
export class QemuMachine implements OpteeMachine {
  readonly isolation = ['trustzone', 'emulated']
  readonly #options: QemuOptions
  #child: ChildProcess | undefined
  #channel: ProxyChannel | undefined
  #ended: Promise<void> = Promise.resolve()
  #isClosed = false

  constructor(options: QemuOptions) {
    this.#options = options
  }

  /** Of the emulator; undefined while none runs. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** @param uuid another program than the trusted application: the suites of its ports. */
  async open(uuid?: string): Promise<TaSession> {
    const channel = await this.#running()
    return await channel.openSession(uuid)
  }

  /** See `ProxyChannel.describe`. @throws {TeeError} */
  async describe(): Promise<ReadonlyMap<string, string>> {
    return await (await this.#running()).describe()
  }

  /** See `ProxyChannel.probe`. @throws {TeeError} */
  async probe(start: number, end: number, step: number): Promise<Probe> {
    return await (await this.#running()).probe(start, end, step)
  }

  kill(): void {
    this.#child?.kill('SIGKILL')
    this.#channel?.destroy()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.kill()
    await this.#ended
  }

  /** @throws {TeeError} `SERVER_UNAVAILABLE` */
  async #running(): Promise<ProxyChannel> {
    if (this.#isClosed) throw new TeeError('SERVER_STOPPING')
    if (this.#channel !== undefined && !this.#channel.isLost) return this.#channel
    this.kill()
    await this.#ended
    this.#channel = await this.#boot()
    return this.#channel
  }

  async #boot(): Promise<ProxyChannel> {
    const { files, taFolder, storeFolder, logFolder, command = emulator() } = this.#options
    const { callLimitMs = CALL_LIMIT_MS } = this.#options
    for (const path of [files.flash, files.kernel, files.initrd, taFolder]) {
      if (!existsSync(path)) throw new TeeError('TEE_MEASUREMENT', `${path} was not built: npm run optee:build`)
    }
    mkdirSync(storeFolder, { recursive: true, mode: 0o700 })
    mkdirSync(logFolder, { recursive: true, mode: 0o700 })
    // A socket's path has at most 107 bytes, a state folder may have more.
    const folder = mkdtempSync(join(tmpdir(), 'trusthealth-qemu-'))
    const socketPath = join(folder, 's')
    const { server, connected } = await listen(socketPath)
    const errors = openSync(join(logFolder, 'qemu.log'), 'w', 0o600)
    const [program = '', ...own] = command
    const child = spawn(program, [...own, ...argumentsOf(this.#options, socketPath)], {
      stdio: ['ignore', errors, errors],
    })
    closeSync(errors)
    this.#child = child
    this.#ended = new Promise((resolve) => {
      const gone = () => {
        if (this.#child === child) this.#child = undefined
        server.close()
        rmSync(folder, { recursive: true, force: true })
        resolve()
      }
      child.once('close', gone)
      child.once('error', gone)
    })
    const late = setTimeout(() => child.kill('SIGKILL'), BOOT_MS)
    try {
      const channel = await Promise.race([
        connected.then((socket) => ProxyChannel.open(socket, callLimitMs)),
        endOf(child),
      ])
      void this.#ended.then(() => channel.destroy())
      return channel
    } catch (cause) {
      child.kill('SIGKILL')
      await this.#ended
      for (const line of lastLines(logFolder)) this.#options.onDiagnostic?.(line)
      throw cause instanceof TeeError && cause.code === 'TEE_MESSAGE_INVALID'
        ? cause
        : new TeeError('SERVER_UNAVAILABLE', `the emulated machine did not start; see ${logFolder}`, { cause })
    } finally {
      clearTimeout(late)
    }
  }
}

function emulator(): readonly string[] {
  return existsSync(TIED[0] ?? '') ? [...TIED, ...EMULATOR] : EMULATOR
}

/** Rejects when the emulator ends. @throws {TeeError} */
function endOf(child: ChildProcess): Promise<never> {
  return new Promise((_, reject) => {
    child.once('error', reject)
    child.once('close', () => reject(new TeeError('SERVER_UNAVAILABLE', 'the emulator ended')))
  })
}

function argumentsOf({ files, taFolder, storeFolder, logFolder }: QemuOptions, socketPath: string): string[] {
  const share = (tag: string, path: string, more = '') => [
    '-fsdev',
    `local,id=${tag},path=${path.replaceAll(',', ',,')},security_model=none${more}`,
    '-device',
    `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`,
  ]
  const file = (path: string) => `file:${path.replaceAll(',', ',,')}`
  const devices = [
    // FEAT_RNG is in `max` only; with SVE or SME the firmware stops at the first floating-point instruction of a TA.
    '-M virt,secure=on,gic-version=3 -cpu max,sve=off,sme=off,pauth-impdef=on -smp 2',
    '-display none -monitor none -no-reboot -nic none',
    `-device virtio-serial-pci -device virtserialport,chardev=tee,name=${PORT_NAME}`,
  ]
  return [
    ...devices.join(' ').split(' '),
    '-m',
    String(MEMORY_MIB),
    '-bios',
    files.flash,
    '-kernel',
    files.kernel,
    '-initrd',
    files.initrd,
    '-append',
    'console=ttyAMA0 loglevel=4 panic=-1',
    '-serial',
    file(join(logFolder, 'normal-world.log')),
    '-serial',
    file(join(logFolder, 'secure-world.log')),
    '-chardev',
    `socket,id=tee,path=${socketPath}`,
    ...share('store', storeFolder),
    ...share('ta', taFolder, ',readonly=on'),
  ]
}

/** One connection is taken: QEMU's. */
async function listen(path: string): Promise<{ readonly server: Server; readonly connected: Promise<Socket> }> {
  const server = createServer()
  const connected = new Promise<Socket>((resolve) => {
    server.once('connection', (socket) => {
      server.close()
      resolve(socket)
    })
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve))
  return { server, connected }
}

/** What the normal world wrote last, for the operator: kernel and guest, nothing of records. */
function lastLines(logFolder: string): string[] {
  const text = ['qemu.log', 'normal-world.log'].map((name) => {
    try {
      return readFileSync(join(logFolder, name), 'utf8')
    } catch {
      return ''
    }
  })
  return text
    .join('\n')
    .split('\n')
    .map((line) => line.replaceAll(/[^\x20-\x7e]/g, '').slice(0, 500))
    .filter((line) => line !== '')
    .slice(-CONSOLE_LINES)
}

/**
 * A record server on new hardware, as its host sees it: tells the trusted application whose store it restores, lets
 * hospitals speak with it, and puts the backup in place once the key is whole. What hospitals say is sealed to the
 * trusted application. Spec: docs/protocol/12-recovery-shares.md §12.4, §12.5.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { encodeBase64url, encodeHex } from '../../../shared/crypto/src/index.ts'
import { ProtocolError, type ErrorCode } from '../../../shared/protocol/src/index.ts'
import type { TeeDriver } from '../../../tee/src/driver.ts'
import { Repository, restoreSnapshot } from '../../backup/src/index.ts'
import type { AskTee } from './ask-tee.ts'
import { codeOf } from './http-errors.ts'
import { registerSessionsApi, type SessionsApi } from './sessions-api.ts'

const LOOK_EVERY_MS = 100

export interface RestoringOptions {
  readonly tee: TeeDriver
  /** What the lost server was provisioned with, as the ledger has it now. */
  readonly configuration: Uint8Array
  /** Folder of `trusthealth backup store`; the newest backup in it is put in place. */
  readonly backups: string
  /** Of this trusted application. */
  readonly dataFolder: string
  readonly nowMs: () => number
  readonly onTrouble: (code: ErrorCode) => void
}

export interface Restoring {
  /** Why it does not go on: the backup is no good. */
  readonly trouble: ErrorCode | undefined
  close(): Promise<void>
}

export function startRestoring(options: RestoringOptions): Restoring {
  const restorer = new Restorer(options)
  return {
    get trouble() {
      return restorer.trouble
    },
    close: () => restorer.close(),
  }
}

class Restorer {
  trouble: ErrorCode | undefined
  readonly #options: RestoringOptions
  readonly #stop = new AbortController()
  readonly #done: Promise<void>

  constructor(options: RestoringOptions) {
    this.#options = options
    this.#done = this.#run()
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#done
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      try {
        if (await this.#step()) return
      } catch (error) {
        const code = codeOf(error)
        if (code !== 'TEE_RESTARTED' && code !== 'SERVER_UNAVAILABLE') {
          this.trouble = code
          this.#options.onTrouble(code)
          return
        }
      }
      await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined)
    }
  }

  /** @returns whether there is nothing more to do here. */
  async #step(): Promise<boolean> {
    const { tee, configuration } = this.#options
    if (tee.failure !== undefined) return true
    if (tee.state !== 'running') return false
    const { state, restoring } = await tee.request('status', {})
    if (state === 'new') {
      await tee.request('restore-prepare', { config: configuration })
      return false
    }
    // Restored before: this is a server as any other.
    if (state !== 'restoring') return true
    if (restoring?.isComplete !== true) return false
    this.#putBackup()
    await tee.request('restore-open', {})
    return true
  }

  #putBackup(): void {
    const { backups, dataFolder, nowMs } = this.#options
    const repository = new Repository(backups)
    const newest = repository.backups().at(-1)
    if (newest === undefined) throw new ProtocolError('STORE_DAMAGED', 'there is no backup')
    restoreSnapshot(repository, newest, dataFolder, nowMs())
  }
}

/** Hospitals find here whom to give their shares, and operators what is missing. Nothing of it is secret. */
export function registerRestoringApi(server: FastifyInstance, api: SessionsApi, restoring: Restoring): void {
  const { ask } = api
  registerSessionsApi(server, { ...api, ask: restoringAsk(ask), path: '/v1/restore' })
  server.get('/v1/restore', { schema: { hide: true } }, async () => {
    const { state, serverRef, identityKey, attestationKey, instance, restoring: progress } = await ask('status', {})
    const { trouble } = restoring
    return {
      state,
      ...(serverRef === undefined ? {} : { server: serverRef }),
      // Later the key is the server's own.
      ...(state !== 'restoring' || identityKey === undefined ? {} : { key: encodeBase64url(identityKey) }),
      ...(attestationKey === undefined ? {} : { attestationKey: encodeBase64url(attestationKey) }),
      ...(instance === undefined ? {} : { instance: encodeHex(instance) }),
      ...(progress === undefined ? {} : { progress }),
      ...(trouble === undefined ? {} : { trouble }),
    }
  })
}

const RESTORING_OPS = { hello: 'restore-hello', finish: 'restore-finish', record: 'restore-record' } as const

/** The same three steps, of the trusted application that restores. */
function restoringAsk(ask: AskTee): AskTee {
  return (op, request) => {
    const other = RESTORING_OPS[op as keyof typeof RESTORING_OPS] as typeof op | undefined
    return ask(other ?? op, request)
  }
}

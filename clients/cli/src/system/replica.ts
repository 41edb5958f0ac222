/**
 * A replica of the record server on this machine: its folder, its program, the registration of its device and the votes that
 * it needs, and what the operator asks of both servers. Spec: docs/protocol/11-replica.md.
 *
 * Limits: process TEE. A replica on another machine is set up by hand (docs/operations/replica.md).
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { submitCall, type Ledger } from '../../../../ledger/client/src/index.ts'
import {
  participantRecordShape,
  parseResult,
  successionRecordShape,
  approvedSuccession,
} from '../../../../shared/ledger-model/src/index.ts'
import { isErrorCode, type MspId, type ServerRef } from '../../../../shared/protocol/src/index.ts'
import { ClientError } from '../../../sdk/src/errors.ts'
import { CommandError } from '../command-error.ts'
import { timeoutOf } from '../connection.ts'
import type { Context } from '../context.ts'
import { readJsonFile, writePrivateFile } from '../files.ts'
import type { StateFolder } from '../state-folder.ts'
import type { Operator } from './operator.ts'
import { ensureServer } from './tees.ts'

/** What the operator's requests to both servers carry; made once. */
export function operatorToken(state: StateFolder): string {
  const path = join(state.server, 'operator.token')
  if (!existsSync(path)) {
    mkdirSync(state.server, { recursive: true, mode: 0o700 })
    writePrivateFile(path, `${randomBytes(32).toString('base64url')}\n`)
  }
  return readFileSync(path, 'utf8').trim()
}

/** @throws {CommandError} `TEE_NOT_OFFERED` for another TEE than a process. */
export function checkOffersReplicas(context: Context): void {
  if (ensureServer(context, undefined).tee === 'process') return
  throw new CommandError('TEE_NOT_OFFERED', { what: 'A record server in TrustZone has no replicas.' })
}

export function replicaFolder(state: StateFolder): string {
  return join(state.root, 'replica')
}

/** Where the replica of this machine listens. @throws {CommandError} `CLIENT_NOT_RUNNING` */
export function replicaUrl(state: StateFolder): string {
  const known = readJsonFile(join(replicaFolder(state), 'replica.json')) as { readonly url?: unknown } | undefined
  if (typeof known?.url !== 'string')
    throw new CommandError('CLIENT_NOT_RUNNING', {
      what: 'There is no replica in this state folder.',
      next: 'trusthealth replica add',
    })
  return known.url
}

export function rememberReplica(state: StateFolder, url: string): void {
  writePrivateFile(join(replicaFolder(state), 'replica.json'), `${JSON.stringify({ url })}\n`)
}

/** Of either server. */
export interface ReplicaStatus {
  readonly state: string
  /** b64u: of a replica. */
  readonly key?: string
  readonly attestationKey?: string
  /** Hex. */
  readonly instance?: string
  readonly term?: number
  readonly replication?: {
    readonly mode: string
    readonly position: number
    readonly acknowledged: number
    readonly heardMs?: number
  }
  readonly following?: { readonly position: number; readonly logSize: number }
  readonly host?: { readonly step: string; readonly copies: number; readonly trouble?: string }
}

/** @throws {ClientError} the refusal, or `SERVER_UNAVAILABLE`. */
export async function replicaStatus(context: Context, url: string): Promise<ReplicaStatus> {
  return (await ask(context, url, 'status')) as ReplicaStatus
}

export async function setMode(context: Context, url: string, mode: string, key?: string): Promise<void> {
  await ask(context, url, 'mode', { mode, ...(key === undefined ? {} : { key }) })
}

export async function promote(context: Context, url: string): Promise<void> {
  await ask(context, url, 'promote', {})
}

function ask(context: Context, url: string, path: string, body?: unknown): Promise<unknown> {
  return askAsOperator(context, `${url}/v1/replica/${path}`, body)
}

/** With the operator's token. @throws {ClientError} the refusal, or `SERVER_UNAVAILABLE`. */
export async function askAsOperator(context: Context, url: string, body?: unknown): Promise<unknown> {
  let answer: { readonly status: number; readonly value: unknown }
  try {
    const response = await fetch(url, {
      headers: {
        authorization: `Bearer ${operatorToken(context.state)}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeoutOf(context)),
    })
    answer = { status: response.status, value: await response.json() }
  } catch (cause) {
    throw new ClientError('SERVER_UNAVAILABLE', { cause })
  }
  if (answer.status === 200) return answer.value
  const { code } = (answer.value ?? {}) as { readonly code?: unknown }
  throw new ClientError(isErrorCode(code) ? code : 'SERVER_UNAVAILABLE')
}

/** The server's registration lists the replica's device, too. */
export async function registerDevice(
  ledger: Ledger,
  { organization }: Operator,
  serverRef: ServerRef,
  attestationKey: string,
): Promise<void> {
  const known = parseResult(await ledger.query({ fn: 'participant', args: [serverRef] }), participantRecordShape)
  const { ref, kind, publicKey, certSerial, attributes, server } = known
  if (server === undefined || server.attestationKeys.includes(attestationKey)) return
  const attestationKeys = [...server.attestationKeys, attestationKey]
  const renewed = { ref, kind, publicKey, certSerial, attributes, server: { ...server, attestationKeys } }
  await submitCall(ledger, organization.admin, { fn: 'renewParticipant', args: [JSON.stringify(renewed)] })
}

/** The term in which another instance would hold the store next. */
export async function nextTerm(ledger: Ledger, serverRef: ServerRef, organizations: readonly MspId[]): Promise<number> {
  const record = parseResult(await ledger.query({ fn: 'succession', args: [serverRef] }), successionRecordShape)
  return (approvedSuccession(record, organizations)?.term ?? 0) + 1
}

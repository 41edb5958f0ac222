/**
 * The program of a replica on this machine: the record server's host, told to follow. Nothing of it is imported here.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { encodeBase64url } from '../../../../shared/crypto/src/index.ts'
import { CommandError } from '../command-error.ts'
import type { Context } from '../context.ts'
import { writePrivateFile } from '../files.ts'
import { LEDGER_PROGRAM, urlOf, type SystemState } from '../system-file.ts'
import { PRODUCT_FOLDER } from '../version.ts'
import { CHANNEL } from './ledger-setup.ts'
import type { Operator } from './operator.ts'
import { freePort } from './ports.ts'
import { ProgramRunner } from './program-runner.ts'
import { checkOffersReplicas, operatorToken, replicaFolder } from './replica.ts'
import { programPath } from './tees.ts'

export interface ReplicaParts {
  readonly operator: Operator
  readonly system: SystemState
  readonly serverUrl: string
}

/** @throws {CommandError} `TEE_NOT_OFFERED` for another TEE than a process; `SERVER_UNAVAILABLE` */
export async function startReplica(
  context: Context,
  { operator, system, serverUrl }: ReplicaParts,
): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const { state, crypto, output } = context
  checkOffersReplicas(context)
  const folder = replicaFolder(state)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const taPath = join(folder, 'trusted-application.mjs')
  const source = programPath(state, 'process')
  if (!existsSync(source)) throw new CommandError('TEE_MEASUREMENT')
  // The same program as the server runs now.
  copyFileSync(source, taPath)
  const { authority, mspId } = operator.organization
  const key = crypto.generateSigningKey()
  const { chain } = await authority.issue({ role: 'auditor', publicKey: key.publicKey })
  const token = operatorToken(state)
  const configuration = {
    v: 1,
    port: await freePort(0, new Set()),
    taPath,
    measurement: createHash('sha256').update(readFileSync(taPath)).digest('hex'),
    storeFolder: join(folder, 'store'),
    indexPath: join(folder, 'index.db'),
    ledgerUrl: urlOf(system, LEDGER_PROGRAM),
    channel: CHANNEL,
    operatorToken: token,
    replica: { token, follow: serverUrl },
    reader: {
      mspId,
      certificate: encodeBase64url(chain[0]),
      signingKey: encodeBase64url(crypto.exportSigningKey(key)),
    },
  }
  const file = join(folder, 'host.json')
  writePrivateFile(file, `${JSON.stringify(configuration, null, 2)}\n`)
  const runner = new ProgramRunner(
    {
      name: 'replica',
      title: 'The replica',
      script: join(PRODUCT_FOLDER, 'host', 'server', 'src', 'main.ts'),
      args: ['--config', file],
      log: join(state.logs, 'replica.log'),
    },
    {
      restart: true,
      onChange: () => undefined,
      onDown: (_program, reason) => output.note(`The replica ended: ${reason}. Starting it again.`),
    },
  )
  const url = await runner.start()
  return { url, stop: () => runner.stop() }
}

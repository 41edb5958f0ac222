/**
 * The operator of the machine: an organisation of its own, which runs the ledger node and the record server and holds
 * no patients. Its keys are in `consortium/operator/`, made at the first start.
 *
 * @module
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openOrganization, type Organization } from '../../../../hospital/src/index.ts'
import { decodeHex, encodeHex, type SigningKey } from '../../../../shared/crypto/src/index.ts'
import { mspIdShape, type MspId } from '../../../../shared/protocol/src/index.ts'
import type { Context } from '../context.ts'
import { writePrivateFile } from '../files.ts'

export const OPERATOR_MSP_ID: MspId = mspIdShape('Operator', 'mspId')

export interface Operator {
  readonly organization: Organization
  /** Signs blocks and answers of the ledger. */
  readonly nodeKey: SigningKey
  readonly nodeKeyFile: string
}

export async function openOperator({ state, crypto, clock }: Context): Promise<Operator> {
  const nowMs = () => clock.nowMs()
  const organization = await openOrganization(state.operator, { crypto, mspId: OPERATOR_MSP_ID, nowMs })
  const nodeKeyFile = join(state.operator, 'ledger-node.key')
  if (!existsSync(nodeKeyFile)) {
    writePrivateFile(nodeKeyFile, `${encodeHex(crypto.exportSigningKey(crypto.generateSigningKey()))}\n`)
  }
  const nodeKey = crypto.importSigningKey(decodeHex(readFileSync(nodeKeyFile, 'utf8').trim()))
  return { organization, nodeKey, nodeKeyFile }
}

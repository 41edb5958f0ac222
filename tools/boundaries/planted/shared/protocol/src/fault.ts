// breaks: shared-protocol-imports, shared-protocol-node, shared-protocol-packages
import { fine } from '../../ledger-model/src/index.ts'
import { release } from 'node:os'
import pino from 'pino'
export const fault = [fine, release, pino]

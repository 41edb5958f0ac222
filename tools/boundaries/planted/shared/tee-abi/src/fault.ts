// breaks: shared-tee-abi-imports, shared-tee-abi-node, shared-tee-abi-packages
import { fine } from '../../ledger-model/src/index.ts'
import { release } from 'node:os'
import pino from 'pino'
export const fault = [fine, release, pino]

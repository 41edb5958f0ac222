// breaks: clients-sdk-imports, clients-sdk-node, clients-sdk-packages
import { fine } from '../../../ledger/client/src/index.ts'
import { release } from 'node:os'
import pino from 'pino'
export const fault = [fine, release, pino]

// breaks: shared-crypto-imports, shared-crypto-node, shared-crypto-packages
import { fine } from '../../protocol/src/index.ts'
import { release } from 'node:os'
import pino from 'pino'
export const fault = [fine, release, pino]

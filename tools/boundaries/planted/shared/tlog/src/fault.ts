// breaks: shared-tlog-imports, shared-tlog-node, shared-tlog-packages
import { fine } from '../../protocol/src/index.ts'
import { release } from 'node:os'
import pino from 'pino'
export const fault = [fine, release, pino]

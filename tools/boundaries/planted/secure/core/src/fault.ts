// breaks: secure-core-imports, secure-core-node, secure-core-packages
import { fine } from '../../../host/server/src/index.ts'
import { release } from 'node:os'
import pino from 'pino'
export const fault = [fine, release, pino]

// breaks: secure-adapters-imports, secure-adapters-node, secure-adapters-packages
import { fine } from '../../../core/src/index.ts'
import { release } from 'node:os'
import pino from 'pino'
export const fault = [fine, release, pino]

// breaks: secure-ta-imports, secure-ta-node, secure-ta-packages
import { fine } from '../../../clients/sdk/src/index.ts'
import { release } from 'node:os'
import pino from 'pino'
export const fault = [fine, release, pino]

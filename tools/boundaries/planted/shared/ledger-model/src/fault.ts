// breaks: shared-ledger-model-imports, shared-ledger-model-node, shared-ledger-model-packages
import { fine } from '../../fhir/src/index.ts'
import { release } from 'node:os'
import pino from 'pino'
export const fault = [fine, release, pino]

// breaks: ledger-contract-imports, ledger-contract-node, ledger-contract-packages
import { fine } from '../../../shared/fhir/src/index.ts'
import { release } from 'node:os'
import pino from 'pino'
export const fault = [fine, release, pino]

// breaks: clients-portal-imports, clients-portal-node
import { fine } from '../../../ledger/client/src/index.ts'
import { release } from 'node:os'
export const fault = [fine, release]

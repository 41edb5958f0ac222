// breaks: ledger-network-imports
import { fine } from '../../../host/server/src/index.ts'
export const fault = [fine]

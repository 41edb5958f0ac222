// breaks: ledger-client-imports
import { fine } from '../../../clients/sdk/src/index.ts'
export const fault = [fine]

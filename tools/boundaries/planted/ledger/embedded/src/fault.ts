// breaks: ledger-embedded-imports
import { fine } from '../../../hospital/src/index.ts'
export const fault = [fine]

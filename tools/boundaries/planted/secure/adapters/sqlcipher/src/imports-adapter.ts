// breaks: adapters-apart
import { port } from '../../fine/src/index.ts'
export const fault = port

// breaks: tee-imports
import { fine } from '../../../secure/core/src/index.ts'
export const fault = [fine]

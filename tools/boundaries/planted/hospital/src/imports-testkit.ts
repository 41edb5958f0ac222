// breaks: hospital-imports, workshop-stays-home
import { fine } from '../../testkit/src/index.ts'
export const fault = fine

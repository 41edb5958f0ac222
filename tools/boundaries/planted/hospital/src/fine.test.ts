import { fine } from '../../testkit/src/index.ts'
export const allowed = fine

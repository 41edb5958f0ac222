import type { Port } from '../../../core/src/ports.ts'
import { readFileSync } from 'node:fs'
export const port: Port = { fine: 1 }
export const used = [readFileSync]

// breaks: node-crypto-file-only
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
export const fault = [createHash, readFileSync]

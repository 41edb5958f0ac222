// breaks: noble-confined, shared-tlog-packages
import { sha256 } from '@noble/hashes/sha2.js'
export const fault = sha256

// breaks: pure-without-node-crypto
import { fault } from '../../../shared/crypto/src/node-crypto.ts'
export const taken = fault

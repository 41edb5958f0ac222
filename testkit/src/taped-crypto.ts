/**
 * Randomness on a tape: record what a run of the protocol drew, then run it again with the same draws, on any
 * implementation, and compare every byte. Signatures and encapsulations draw inside the implementation, so their
 * results are on the tape.
 *
 * @module
 */
import { decodeHex, encodeHex, type Crypto } from '../../shared/crypto/src/index.ts'

/** Draws in the order they were made, hexadecimal. */
export interface Tape {
  readonly random: readonly string[]
  /** X25519 private keys. */
  readonly agreementKeys: readonly string[]
  /** ML-KEM-768 seeds. */
  readonly kemSeeds: readonly string[]
  readonly encapsulations: readonly { readonly ciphertext: string; readonly sharedSecret: string }[]
  readonly signatures: readonly string[]
}

/** Works as `crypto` does and writes down what it draws. */
export function recordCrypto(crypto: Crypto): { readonly crypto: Crypto; readonly tape: Tape } {
  const random: string[] = []
  const agreementKeys: string[] = []
  const kemSeeds: string[] = []
  const encapsulations: { ciphertext: string; sharedSecret: string }[] = []
  const signatures: string[] = []
  const recording: Crypto = {
    ...crypto,
    randomBytes: (length) => noted(random, crypto.randomBytes(length)),
    generateAgreementKey: () => crypto.importAgreementKey(noted(agreementKeys, crypto.randomBytes(32))),
    generateKemKey: () => crypto.importKemKey(noted(kemSeeds, crypto.randomBytes(64))),
    encapsulate(publicKey) {
      const result = crypto.encapsulate(publicKey)
      encapsulations.push({
        ciphertext: encodeHex(result.ciphertext),
        sharedSecret: encodeHex(result.sharedSecret),
      })
      return result
    },
    sign: (key, message) => noted(signatures, crypto.sign(key, message)),
  }
  return { crypto: recording, tape: { random, agreementKeys, kemSeeds, encapsulations, signatures } }
}

/**
 * Draws from the tape; everything else is computed by `crypto`. A draw beyond the tape's end fails.
 */
export function replayCrypto(crypto: Crypto, tape: Tape): Crypto {
  const random = tape.random.values()
  const agreementKeys = tape.agreementKeys.values()
  const kemSeeds = tape.kemSeeds.values()
  const encapsulations = tape.encapsulations.values()
  const signatures = tape.signatures.values()
  return {
    ...crypto,
    randomBytes(length) {
      const bytes = decodeHex(next(random))
      if (bytes.length !== length) throw new Error('the tape has another length here')
      return bytes
    },
    generateAgreementKey: () => crypto.importAgreementKey(decodeHex(next(agreementKeys))),
    generateKemKey: () => crypto.importKemKey(decodeHex(next(kemSeeds))),
    encapsulate() {
      const { ciphertext, sharedSecret } = next(encapsulations)
      return { ciphertext: decodeHex(ciphertext), sharedSecret: decodeHex(sharedSecret) }
    },
    sign: () => decodeHex(next(signatures)),
  }
}

function noted(list: string[], bytes: Uint8Array): Uint8Array {
  list.push(encodeHex(bytes))
  return bytes
}

function next<T>(values: Iterator<T, unknown>): T {
  const result = values.next()
  if (result.done === true) throw new Error('the tape ends here')
  return result.value
}

/**
 * What the conformance tests of the cryptography share: both implementations, and reading vector files.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test, type TestContext } from 'node:test'
import { decodeHex, type Crypto } from '../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../shared/crypto/src/node-crypto.ts'
import { createPortableCrypto } from '../../shared/crypto/src/portable-crypto.ts'

export const node = createNodeCrypto()
export const portable = createPortableCrypto((length) => node.randomBytes(length))

/** Vector files write hex in both cases. */
export function hex(text: string): Uint8Array {
  return decodeHex(text.toLowerCase())
}

/**
 * Runs the vectors on each implementation. `run` returns how many it checked; fewer than `floor` is a failure, so
 * that a file that was not found or was filtered away cannot pass.
 */
export function onEach(title: string, floor: number, run: (crypto: Crypto) => number): void {
  for (const crypto of [node, portable]) {
    test(`${title} (${crypto.name})`, (t: TestContext) => {
      const count = run(crypto)
      t.diagnostic(`${count} vectors`)
      assert.ok(count >= floor, `only ${count} of ${floor} vectors ran`)
    })
  }
}

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller names the shape it then tests
export function readJson<T>(url: URL): T {
  return JSON.parse(readFileSync(url, 'utf8')) as T
}

/** The entries of a CAVP response file: blocks of `Name = value`; a line with a name alone has the value ''. */
export function readCavp(url: URL): Readonly<Record<string, string>>[] {
  return readFileSync(url, 'utf8')
    .split(/\n\s*\n/)
    .map((block) => block.split('\n').filter((line) => !/^[#[]/.test(line) && line.trim() !== ''))
    .filter((lines) => lines.length > 1)
    .map((lines) =>
      Object.fromEntries(
        lines.map((line) => {
          const [name = '', value = ''] = line.split('=')
          return [name.trim(), value.trim()]
        }),
      ),
    )
}

/** Runs `check` and returns the code of the CryptoError it throws, or undefined; another error is a fault. */
export function refusalOf(check: () => void): string | undefined {
  try {
    check()
    return undefined
  } catch (error) {
    const { name, code } = error as { readonly name?: unknown; readonly code?: unknown }
    if ((name !== 'CryptoError' && name !== 'CertificateError') || typeof code !== 'string') throw error
    return code
  }
}

/**
 * Makes the files in `vectors/` from a checkout of Wycheproof: keeps the tests of our parameter sizes and the fields
 * that our tests read, one test a line. Run: `node test/conformance/wycheproof/trim.ts <folder of testvectors_v1>`.
 * The same input gives the same bytes.
 *
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

type Fields = Record<string, unknown>
interface Group extends Fields {
  readonly tests: readonly Fields[]
}
interface Selection {
  readonly file: string
  /** Values a group must have; what is not named is kept. */
  readonly only?: Fields
  /** Fields of a group that are kept. */
  readonly group?: readonly string[]
  /** Fields of a test that are dropped. */
  readonly drop?: readonly string[]
  /** Keeps this many of the tests that are valid and have no flag; all others stay. */
  readonly maxPlain?: number
}

const SELECTIONS: readonly Selection[] = [
  { file: 'aes_gcm', only: { keySize: 256, ivSize: 96, tagSize: 128 } },
  { file: 'ecdsa_secp256r1_sha256', group: ['publicKeyDer'] },
  { file: 'ecdsa_secp256r1_sha256_p1363', group: ['publicKeyDer', 'publicKeyJwk'] },
  { file: 'hkdf_sha256' },
  { file: 'hmac_sha256', only: { tagSize: 256 } },
  { file: 'mlkem_768', maxPlain: 60 },
  { file: 'mlkem_768_encaps', maxPlain: 60 },
  // We export no expanded decapsulation key.
  { file: 'mlkem_768_keygen_seed', drop: ['dk'], maxPlain: 60 },
  { file: 'rsa_pss_3072_sha256_mgf1_32', group: ['publicKeyJwk'] },
  { file: 'x25519' },
]

function keep(fields: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(names.filter((name) => name in fields).map((name) => [name, fields[name]]))
}

function trim(
  source: string,
  { file, only = {}, group: groupFields = [], drop = [], maxPlain = Infinity }: Selection,
): void {
  const name = `${file}_test.json`
  const input = JSON.parse(readFileSync(join(source, name), 'utf8')) as { algorithm: string; testGroups: Group[] }
  let plain = 0
  const groups = input.testGroups
    .filter((group) => Object.entries(only).every(([key, value]) => group[key] === value))
    .map((group) => {
      const tests = group.tests.filter((test) => {
        const isPlain = test['result'] === 'valid' && !(test['flags'] as string[] | undefined)?.length
        return !isPlain || plain++ < maxPlain
      })
      const lines = tests.map((test) =>
        JSON.stringify(
          keep(
            test,
            Object.keys(test).filter((key) => !drop.includes(key)),
          ),
        ),
      )
      const head = JSON.stringify(keep(group, groupFields)).slice(1, -1)
      return `{${head}${head ? ',' : ''}"tests":[\n${lines.join(',\n')}\n]}`
    })
  const text = `{"algorithm":${JSON.stringify(input.algorithm)},"testGroups":[\n${groups.join(',\n')}\n]}\n`
  writeFileSync(new URL(`vectors/${name}`, import.meta.url), text)
}

const [source] = process.argv.slice(2)
if (source === undefined) throw new Error('usage: trim.ts <folder of testvectors_v1>')
for (const selection of SELECTIONS) trim(source, selection)

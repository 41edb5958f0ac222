/**
 * Makes the files in `vectors/` from NIST's: keeps the sections of our parameters. Run:
 * `node test/conformance/nist/trim.ts <folder of the CAVP files> <folder of the ACVP files>`.
 * The CAVP folder is `cryptography_vectors` of that Python package; the ACVP folder is `kem/mlkem/testdata` of CIRCL
 * with its files unpacked. The same input gives the same bytes.
 *
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Keeps the comment at the top and the wanted sections. A section begins with one or more lines in brackets. */
function trimCavp(folder: string, path: string, name: string, wanted: (section: string) => boolean): void {
  const text = readFileSync(join(folder, path), 'utf8').replaceAll('\r\n', '\n')
  const [comment = '', ...sections] = text.split(/\n(?=\[(?:Keylen|L =|[PKB]-\d))/)
  const kept = sections.filter(wanted)
  writeFileSync(new URL(`vectors/${name}`, import.meta.url), [comment.trim(), ...kept].join('\n').trim() + '\n')
}

interface AcvpGroup {
  readonly tgId: number
  readonly parameterSet?: string
  readonly function?: string
  readonly tests: readonly Record<string, unknown>[]
}

/** Joins questions and answers of one group of ML-KEM-768. */
function trimAcvp(folder: string, kind: string, name: string, drop: readonly string[], wantedFunction?: string): void {
  const read = (file: string): AcvpGroup[] =>
    (JSON.parse(readFileSync(join(folder, `ML-KEM-${kind}-FIPS203`, file), 'utf8')) as { testGroups: AcvpGroup[] })
      .testGroups
  const group = read('prompt.json').find((g) => g.parameterSet === 'ML-KEM-768' && g.function === wantedFunction)
  const answers = read('expectedResults.json').find((g) => g.tgId === group?.tgId)
  if (group === undefined || answers === undefined) throw new Error(`no ML-KEM-768 in ${kind}`)
  const lines = group.tests.map((test, i) => {
    const joined = Object.entries({ ...test, ...answers.tests[i] }).filter(([key]) => !drop.includes(key))
    return JSON.stringify(Object.fromEntries(joined))
  })
  writeFileSync(new URL(`vectors/${name}`, import.meta.url), `[\n${lines.join(',\n')}\n]\n`)
}

const [cavp, acvp] = process.argv.slice(2)
if (cavp === undefined || acvp === undefined) throw new Error('usage: trim.ts <CAVP folder> <ACVP folder>')

const isOurGcm = (section: string): boolean => section.includes('[IVlen = 96]') && section.includes('[Taglen = 128]')
trimCavp(cavp, 'ciphers/AES/GCM/gcmEncryptExtIV256.rsp', 'gcmEncryptExtIV256.rsp', isOurGcm)
trimCavp(cavp, 'ciphers/AES/GCM/gcmDecrypt256.rsp', 'gcmDecrypt256.rsp', isOurGcm)
const ecdsa = 'asymmetric/ECDSA/FIPS_186-3'
trimCavp(cavp, `${ecdsa}/SigVer.rsp`, 'SigVer.rsp', (section) => section.startsWith('[P-256,SHA-256]'))
trimCavp(cavp, `${ecdsa}/SigGen.txt`, 'SigGen.txt', (section) => section.startsWith('[P-256,SHA-256]'))
trimCavp(cavp, `${ecdsa}/PKV.rsp`, 'PKV.rsp', (section) => section.startsWith('[P-256]'))
trimCavp(cavp, `${ecdsa}/KeyPair.rsp`, 'KeyPair.rsp', (section) => section.startsWith('[P-256]'))
trimCavp(cavp, 'hashes/SHA2/SHA256ShortMsg.rsp', 'SHA256ShortMsg.rsp', () => true)
// We export no expanded decapsulation key, and import keys as seeds only.
trimAcvp(acvp, 'keyGen', 'ml-kem-768-keygen.json', ['dk'])
trimAcvp(acvp, 'encapDecap', 'ml-kem-768-encapsulation.json', ['dk'], 'encapsulation')

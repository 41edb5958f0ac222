/**
 * Builds what operators run beside their peer: the contracts in one CommonJS file and a package.json that names what it
 * needs, in dist/chaincode. `npm run bundle:chaincode`; the image is in ledger/network/deploy/chaincode.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { ROOT } from './files.ts'

const OUTPUT = 'dist/chaincode'
/** fabric-shim must see the same base class as the contracts, so neither is in the bundle. */
const EXTERNAL = ['fabric-contract-api', 'fabric-shim']

/** The bundle's text. The same sources give the same bytes. */
export async function bundleChaincode(): Promise<Uint8Array> {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: ['ledger/network/src/chaincode/index.ts'],
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    external: EXTERNAL,
    charset: 'utf8',
    legalComments: 'none',
    write: false,
    logLevel: 'silent',
    tsconfigRaw: {},
  })
  return outputFiles[0]?.contents ?? new Uint8Array()
}

/** Exact versions, as installed here: each organisation should run the same. */
export function chaincodeManifest(): object {
  const version = (name: string) => {
    const manifest: unknown = JSON.parse(readFileSync(join(ROOT, 'node_modules', name, 'package.json'), 'utf8'))
    return (manifest as { readonly version: string }).version
  }
  const own: unknown = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  return {
    name: 'trusthealth',
    version: (own as { readonly version: string }).version,
    private: true,
    license: 'Apache-2.0',
    main: 'index.cjs',
    dependencies: Object.fromEntries(EXTERNAL.map((name) => [name, version(name)])),
  }
}

if (import.meta.main) {
  const contents = await bundleChaincode()
  mkdirSync(join(ROOT, OUTPUT), { recursive: true })
  writeFileSync(join(ROOT, OUTPUT, 'index.cjs'), contents)
  writeFileSync(join(ROOT, OUTPUT, 'package.json'), `${JSON.stringify(chaincodeManifest(), null, 2)}\n`)
  console.log(`${OUTPUT}/index.cjs: SHA-256 ${createHash('sha256').update(contents).digest('hex')}`)
}

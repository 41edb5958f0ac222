import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { bundle, bundleElsewhere, bundleHost, compareParts, findLoaders, findMissing } from './bundle-ta.ts'

const ENTRY = 'secure/ta/src/trusted-application.ts'
const HOST = 'secure/ta/src/main.ts'

function plant(t: TestContext, files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'bundle-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

const SOUND = {
  [ENTRY]: `export { add } from '../../../shared/crypto/src/add.ts'
import { twice } from 'twice'
export const four = twice(2)`,
  'shared/crypto/src/unused.ts': 'export const unused = 1',
  'shared/crypto/src/add.ts':
    'import { unused } from "./unused.ts"\nexport const other = () => unused\nexport const add = (a: number, b: number): number => a + b',
  'node_modules/twice/package.json': '{"name":"twice","exports":{".":{"import":"./lib/twice.js"}}}',
  'node_modules/twice/lib/twice.js': 'export const twice = (a) => 2 * a',
}

test('a bundle names every file that went in', async (t) => {
  const built = await bundle(plant(t, SOUND), ENTRY)
  assert.deepEqual(built.parts, ['node_modules/twice/lib/twice.js', ENTRY, 'shared/crypto/src/add.ts'])
})

test('the same sources give the same bytes in another folder', async (t) => {
  const root = plant(t, SOUND)
  const built = await bundle(root, ENTRY)
  const elsewhere = await bundleElsewhere(root, ENTRY, built.inputs, 'a-much-longer-folder-name-')
  assert.equal(elsewhere.sha256, built.sha256)
})

test('one changed character changes the measurement', async (t) => {
  const built = await bundle(plant(t, SOUND), ENTRY)
  const changed = { ...SOUND, 'shared/crypto/src/add.ts': SOUND['shared/crypto/src/add.ts'].replace('+', '-') }
  assert.notEqual((await bundle(plant(t, changed), ENTRY)).sha256, built.sha256)
})

for (const name of ['node:fs', 'node:crypto', 'node:net', 'node:http', 'node:child_process', 'net', 'undici']) {
  test(`a trusted application that imports ${name} does not build`, async (t) => {
    const root = plant(t, { [ENTRY]: `import * as way from '${name}'\nconsole.log(way)` })
    await assert.rejects(bundle(root, ENTRY))
  })
}

const PLANTED_HOST = `import { readFileSync } from 'node:fs'
import { add } from '../../../shared/crypto/src/add.ts'
console.log(readFileSync, add(1, 2))`

test('a host takes what is shared from the measured file and names what it takes from the platform', async (t) => {
  const host = await bundleHost(plant(t, { ...SOUND, [HOST]: PLANTED_HOST }), HOST, ['node:fs'])
  assert.deepEqual(host.parts, [HOST, 'from the platform: ./trusted-application.mjs', 'from the platform: node:fs'])
})

test('a host that takes more of its platform does not build', async (t) => {
  const root = plant(t, { ...SOUND, [HOST]: PLANTED_HOST })
  await assert.rejects(bundleHost(root, HOST, ['node:path']))
})

test('a host that needs what the measured file does not export is reported', async (t) => {
  const root = plant(t, { ...SOUND, [HOST]: PLANTED_HOST.replaceAll('add', 'subtract') })
  const { contents } = await bundleHost(root, HOST, ['node:fs'])
  assert.deepEqual(findMissing(contents, ['add', 'four']), ['the measured file does not export subtract'])
  assert.deepEqual(findMissing(contents, ['subtract']), [])
  assert.equal(findMissing(new Uint8Array(0), ['subtract']).length, 1)
})

test('a new part and a part that is gone are both reported', () => {
  assert.equal(compareParts(['a', 'b'], ['a', 'c']).length, 2)
  assert.deepEqual(compareParts(['a', 'b'], ['a', 'b']), [])
})

for (const code of ['import(process.argv[2])', 'eval(process.argv[2])', 'new Function(process.argv[2])()']) {
  test(`a bundle that runs ${code} is reported`, async (t) => {
    const built = await bundle(plant(t, { [ENTRY]: `export const loaded = ${code}` }), ENTRY)
    assert.equal(findLoaders(built.contents).length, 1)
  })
}

test('a bundle that loads nothing is not reported', async (t) => {
  const built = await bundle(plant(t, SOUND), ENTRY)
  assert.deepEqual(findLoaders(built.contents), [])
})

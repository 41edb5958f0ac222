import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { AUTHORITY_VERSION, ensureAuthorityPrograms, findAuthorityPrograms } from './authority-programs.ts'

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'authority-programs-')))
after(() => rmSync(folder, { recursive: true, force: true }))

function programs(name: string, ...files: readonly string[]): string {
  const bin = join(folder, name)
  mkdirSync(bin, { recursive: true })
  for (const file of files) writeFileSync(join(bin, file), '#!/bin/sh\n', { mode: 0o755 })
  return bin
}

test('found where somebody says, in PATH, and where they were built; a part of them is none', async () => {
  const both = programs('both', 'fabric-ca-server', 'fabric-ca-client')
  const part = programs('part', 'fabric-ca-server')
  assert.equal(findAuthorityPrograms({ FABRIC_CA_BIN: both }), both)
  assert.equal(findAuthorityPrograms({ FABRIC_CA_BIN: part, PATH: both }), undefined)
  assert.equal(findAuthorityPrograms({ PATH: `${part}:${both}` }), both)
  const environment = { PATH: part, XDG_CACHE_HOME: join(folder, 'cache') }
  assert.equal(findAuthorityPrograms(environment), undefined)
  await assert.rejects(ensureAuthorityPrograms({ environment }), { code: 'NETWORK_TOOL_FAILED' }, 'without Go')
  const place = join('cache/trusthealth/fabric-ca', AUTHORITY_VERSION, 'bin')
  const built = programs(place, 'fabric-ca-server', 'fabric-ca-client')
  assert.equal(await ensureAuthorityPrograms({ environment }), built)
})

test('what Go builds is there whole, and only the toolchain that is there is asked', async () => {
  const go = programs('go')
  // As `go build -o FOLDER/ …` does, if it is asked for both.
  const script = `#!/bin/sh
[ "$GOTOOLCHAIN" = local ] && [ "$1" = build ] || exit 1
for last; do [ "$before" = -o ] && out=$last; before=$last; mkdir -p "$out" 2>/dev/null
  case "$last" in */cmd/*) printf '#!/bin/sh\\n' > "$out/\${last##*/}"; chmod 755 "$out/\${last##*/}";; esac
done
`
  writeFileSync(join(go, 'go'), script, { mode: 0o755 })
  const environment = { PATH: `${go}:/usr/bin:/bin`, XDG_CACHE_HOME: join(folder, 'fresh') }
  const said: string[] = []
  const bin = await ensureAuthorityPrograms({ environment, onProgress: (line) => said.push(line) })
  assert.equal(bin, join(folder, 'fresh/trusthealth/fabric-ca', AUTHORITY_VERSION, 'bin'))
  assert.equal(findAuthorityPrograms(environment), bin)
  assert.equal(said.length, 1)
  assert.equal(await ensureAuthorityPrograms({ environment, onProgress: (line) => said.push(line) }), bin)
  assert.equal(said.length, 1)
})

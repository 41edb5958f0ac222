import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { LedgerError } from '../../../shared/ledger-model/src/index.ts'
import { mspIdShape, ProtocolError } from '../../../shared/protocol/src/index.ts'
import { fabricLocation, formatFabricProfile } from './fabric/profile.ts'
import { ledgerLocationShape, openLedger } from './open-ledger.ts'

const folder = mkdtempSync(join(tmpdir(), 'trusthealth-place-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const crypto = createNodeCrypto()
const mspId = mspIdShape('HospitalA', 'mspId')
const signingKey = crypto.generateSigningKey()
const options = { crypto, channel: 'health', identity: { mspId, cert: new Uint8Array([0x30]), signingKey } }
const tlsRootPem = '-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n'

function profileOf(channel: string): string {
  const path = join(folder, `${channel}.json`)
  const peers = [{ mspId, endpoint: '127.0.0.1:1', tlsRootPem }]
  writeFileSync(path, formatFabricProfile({ channel, chaincode: 'trusthealth', peers, orderers: [] }))
  return fabricLocation(path)
}

test('the place says which ledger it is', async () => {
  for (const location of ['http://127.0.0.1:1', profileOf('health')]) {
    assert.equal(ledgerLocationShape(location, 'ledger'), location)
    const ledger = await openLedger(location, options)
    assert.equal(ledger.channel, 'health')
    await ledger.close()
  }
})

test('other places are refused', () => {
  for (const location of ['', 'fabric:', 'fabric:relative.json', 'ftp://127.0.0.1', 'http://127.0.0.1/path']) {
    assert.throws(() => ledgerLocationShape(location, 'ledger'), ProtocolError)
  }
})

test('a profile that is missing, no profile, or of another channel is refused', async () => {
  const refused = (location: string, code: string) =>
    assert.rejects(
      () => openLedger(location, options),
      (error: unknown) => error instanceof LedgerError && error.code === code,
    )
  await refused(fabricLocation(join(folder, 'missing.json')), 'LEDGER_CONFIGURATION_REJECTED')
  writeFileSync(join(folder, 'other.json'), '{}')
  await refused(fabricLocation(join(folder, 'other.json')), 'LEDGER_CONFIGURATION_REJECTED')
  await refused(profileOf('another'), 'LEDGER_WRONG_CHANNEL')
})

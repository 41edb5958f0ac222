import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import type { Consortium } from '../../../testkit/src/consortium.ts'
import { describeLedger } from '../../../testkit/src/suites/ledger.ts'
import { createEmbeddedLedgerClient } from '../../client/src/index.ts'
import { startEmbeddedLedger } from './index.ts'

const crypto = createNodeCrypto()

async function start({ genesis, nodeKey, organizations }: Consortium) {
  const folder = mkdtempSync(join(tmpdir(), 'ledger-'))
  const admin = organizations[0]?.admin
  if (admin === undefined) throw new Error('no organisation')
  const embedded = await startEmbeddedLedger({ folder, genesis, nodeKey, crypto, identity: admin })
  const close = async () => {
    await embedded.close()
    rmSync(folder, { recursive: true })
  }
  return { embedded, admin, close }
}

describeLedger('embedded, in this process', async (consortium) => {
  const { embedded, close } = await start(consortium)
  return { ledger: embedded.ledger, close }
})

describeLedger('embedded, over HTTP', async (consortium) => {
  const { embedded, admin, close } = await start(consortium)
  const { channel } = consortium
  const ledger = createEmbeddedLedgerClient(embedded.url, { crypto, channel, identity: admin })
  return {
    ledger,
    async close() {
      await ledger.close()
      await close()
    },
  }
})

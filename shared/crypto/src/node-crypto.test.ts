import { describeCrypto, describeCryptoPair } from '../../../testkit/src/suites/crypto.ts'
import { createNodeCrypto } from './node-crypto.ts'
import { createPortableCrypto } from './portable-crypto.ts'

describeCrypto('node', createNodeCrypto)
describeCryptoPair('node and portable', createNodeCrypto, () =>
  createPortableCrypto((length) => createNodeCrypto().randomBytes(length)),
)

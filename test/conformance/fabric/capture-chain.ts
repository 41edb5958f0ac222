/**
 * Writes `chain.json` from a network that it starts and ends: every block of a channel, from the first one to a
 * registration by each of two organisations.
 *
 * @module
 */
import { writeFileSync } from 'node:fs'
import { encodeBase64url } from '../../../shared/crypto/src/index.ts'
import { FABRIC_VERSION } from '../../../ledger/network/src/index.ts'
import { formatFabricTrust, submitCall } from '../../../ledger/client/src/index.ts'
import { createConsortium, registrationOf } from '../../../testkit/src/consortium.ts'
import { startTestNetwork } from '../../../testkit/src/fabric-ledger.ts'

const consortium = await createConsortium()
const started = await startTestNetwork(consortium)
try {
  const ledger = started.connect()
  for (const { admin, hospital } of consortium.organizations) {
    await submitCall(ledger, admin, { fn: 'registerParticipant', args: [JSON.stringify(registrationOf(hospital))] })
  }
  const { channel, organizations } = started.configuration
  const { chaincode } = started.network.profile
  const blocks: string[] = []
  for (let number = 0; ; number++) {
    const block = await ledger.block(number)
    if (block === undefined) break
    blocks.push(encodeBase64url(block.encoded))
  }
  const captured = { fabric: FABRIC_VERSION, channel, trust: formatFabricTrust({ chaincode, organizations }), blocks }
  writeFileSync(new URL('chain.json', import.meta.url), `${JSON.stringify(captured, null, 2)}\n`)
} finally {
  await started.close()
}

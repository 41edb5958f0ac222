/**
 * Writes `captured.json` from a network that it starts and ends: two organisations, a registration, an endorsed read of
 * three questions, two blocks that follow each other.
 *
 * @module
 */
import { writeFileSync } from 'node:fs'
import { encodeBase64url } from '../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { FABRIC_VERSION } from '../../../ledger/network/src/index.ts'
import { submitCall } from '../../../ledger/client/src/index.ts'
import { createConsortium, registrationOf } from '../../../testkit/src/consortium.ts'
import { startTestNetwork } from '../../../testkit/src/fabric-ledger.ts'

const crypto = createNodeCrypto()
const consortium = await createConsortium()
const started = await startTestNetwork(consortium)
try {
  const ledger = started.connect()
  const blocks: string[] = []
  for (const { admin, hospital } of consortium.organizations) {
    const call = { fn: 'registerParticipant', args: [JSON.stringify(registrationOf(hospital))] }
    const { block } = await submitCall(ledger, admin, call)
    const stored = await ledger.block(block)
    if (stored !== undefined) blocks.push(encodeBase64url(stored.encoded))
  }
  const refs = consortium.organizations.map(({ hospital }) => hospital.ref as string)
  const queries = [...refs, `d-${'0'.repeat(32)}`].map((ref) => ({ fn: 'participant', args: [ref] }))
  const nonce = crypto.randomBytes(32)
  const height = await ledger.height()
  const [answers = []] = await ledger.endorsedReads({ queries, nonce, minHeight: height })
  const { channel, quorum, organizations, fabric } = started.configuration
  const captured = {
    fabric: FABRIC_VERSION,
    channel,
    chaincode: fabric?.chaincode,
    quorum,
    organizations: organizations.map(({ mspId, roots }) => ({ mspId, roots: roots.map(encodeBase64url) })),
    nonce: encodeBase64url(nonce),
    height,
    queries,
    answers: answers.map(({ answer, signature }) => ({
      answer: encodeBase64url(answer),
      signature: encodeBase64url(signature),
    })),
    blocks,
  }
  writeFileSync(new URL('captured.json', import.meta.url), `${JSON.stringify(captured, null, 2)}\n`)
} finally {
  await started.close()
}

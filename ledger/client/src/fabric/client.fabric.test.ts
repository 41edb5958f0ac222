/** The suite of the Ledger port on a real network: three orderers, three organisations. */
import { startTestNetwork } from '../../../../testkit/src/fabric-ledger.ts'
import { describeLedger } from '../../../../testkit/src/suites/ledger.ts'

describeLedger('Hyperledger Fabric', async (consortium) => {
  const started = await startTestNetwork(consortium)
  return { ledger: started.connect(), configuration: started.configuration, close: () => started.close() }
})

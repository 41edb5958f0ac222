/** The embedded ledger: a replica follows, and takes over when the first record server is killed. */
import { replicaTakesOver } from './played-replica.ts'

replicaTakesOver({})

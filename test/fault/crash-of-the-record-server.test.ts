/** The trusted application is killed at every step of a write, with the embedded ledger. */
import { crashesOfTheRecordServer } from './record-server-crashes.ts'

crashesOfTheRecordServer({})

/** The trusted application is killed at every step of a write, with a network of Fabric. */
import { crashesOfTheRecordServer } from './record-server-crashes.ts'

crashesOfTheRecordServer({ fabric: true })

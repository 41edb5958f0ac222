export { createOpteeCrypto, createOpteeDeviceKey } from './crypto.ts'
export { createOpteeDatabasePort, type OpteeDatabaseOptions } from './database.ts'
export { createOpteeEvidence, type OpteeEvidence } from './evidence.ts'
export type { Native } from './native.ts'

export { createProcessClock } from './clock.ts'
export { createProcessCompression } from './compression.ts'
export { openDeviceKeyFile, type DeviceKeyFileOptions } from './device-key.ts'
export { createProcessEvidence, type ProcessEvidence, type ProcessEvidenceOptions } from './evidence.ts'

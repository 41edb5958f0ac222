/**
 * The `optee` TEE: ARM TrustZone, on a board or emulated.
 *
 * @module
 */
export { openLibteec } from './libteec.ts'
export { startOpteeTee, type OpteeTeeOptions } from './optee-tee.ts'
export { builtFiles, builtFolder, QemuMachine, type MachineFiles, type QemuOptions } from './qemu.ts'
export { TA_UUID } from './session.ts'

/** Staff invite a patient; the patient's own device makes the keys and registers with the code. */
import type { Crypto } from '../../../shared/crypto/src/index.ts'
import { createKeys, signerOf, type HospitalApi, type HospitalClient, type Registered } from '../src/index.ts'

/** @param device the hospital service as the patient's device sees it. */
export async function inviteAndRegister(
  staff: HospitalClient,
  device: { readonly api: HospitalApi; readonly crypto: Crypto },
  name: string,
): Promise<Registered> {
  const { code } = await staff.invite({ kind: 'patient', name, identityCheckedBy: 'front desk' })
  // From here on, on the patient's device: the private keys never leave it.
  const { signingKey, sealKey } = createKeys(device.crypto)
  return await device.api.register(code, 'Phone', signerOf(device.crypto, signingKey), sealKey.publicKey)
}

/**
 * Refusals that no test reaches through the whole system, each with the reason; their tests stand beside the code. Every
 * other code of the error table is named in a test of the running system: test/adversarial/README.md lists where.
 *
 * A key is a code, or the beginning of codes with an asterisk.
 *
 * @module
 */
export const REACHED_ELSEWHERE: Readonly<Record<string, string>> = {
  CRYPTO_DECRYPTION_FAILED: 'each layer above answers with its own code: envelope, session, store, treatment key',
  CRYPTO_WEAK_SHARED_SECRET:
    'sessions answer with SESSION_WEAK_SHARED_SECRET; seal keys are opened by their owner only',
  CRYPTO_BAD_ENCODING: 'decoders of messages and statements answer with their own codes',
  STATEMENT_SIGNATURE_INVALID: 'each kind of statement answers with its own code',
  ATTESTATION_REPORT: 'the running system is in a process; OP-TEE’s attestation service is played by the test',
  ATTESTATION_PLATFORM: 'as ATTESTATION_REPORT',
  ATTESTATION_SIGNER: 'as ATTESTATION_REPORT',
  STORE_NOT_HELD: 'no other device opens the store; in the trusted application’s own tests one has its root key',
  PERMISSIONS_TOO_MANY: 'needs 200 permissions in force: the contract’s suite runs it on the embedded ledger',
  'FHIR_*': 'the record server answers RECORD_NOT_FHIR; these name the reason to whoever imports files',
  LEDGER_CONFLICT: 'clients repeat by themselves; the suite of the Ledger port forces one',
  LEDGER_FAULT: 'needs a fault in the contract itself',
  LEDGER_BUSY: 'needs thousands of proposals at once; limits are lowered in the unit tests',
  LOG_ORIGIN_MISMATCH: 'the server’s own key would have to sign for another log',
  LOG_KEY_MALFORMED: 'verifier keys are pasted by people into other tools',
  WITNESS_SIZE: 'over HTTP the answer is the size, as C2SP has it; the witness’s own test names the code',
  TEE_BUSY: 'needs more requests at once than there is room for; limits are lowered in the unit tests',
  TEE_FAULT: 'needs a fault in the trusted application itself',
  TEE_FRAME_INVALID: 'host and trusted application are of one release; the stream is broken in the unit tests',
  TEE_MESSAGE_INVALID: 'host and trusted application are of one release',
  SERVER_STOPPING: 'needs a request in the moment in which the server stops',
  SERVICE_FAULT: 'needs a fault in the service itself',
  CLIENT_CANCELLED: 'needs a person at a terminal who says no',
  DEMO_SURPRISE: 'needs a demo that goes wrong',
  KEY_HANDOVER_INVALID: 'only the server names its next key; the ledger’s suite and the key’s own test forge one',
  LOG_KEY_ENDED: 'needs a key that was destroyed: the key’s own test keeps one and signs with it',
  'REPLICA_*':
    'needs a replica that lies, lags or was not voted for: two trusted applications are played against each other beside the code',
  RECOVERY_TOO_FEW_HOSPITALS: 'hospitals do not tell anybody: they ask again by themselves',
  RECOVERY_SET_OLD: 'needs hospitals that keep what they should have forgotten: two trusted applications are played',
  'NETWORK_*': 'the tool that sets up a network of peers; its tests stand beside it',
}

/** Whether `code` is listed. */
export function reasonOf(code: string): string | undefined {
  const prefix = Object.keys(REACHED_ELSEWHERE).find((key) => key.endsWith('*') && code.startsWith(key.slice(0, -1)))
  return REACHED_ELSEWHERE[code] ?? (prefix === undefined ? undefined : REACHED_ELSEWHERE[prefix])
}

/**
 * Every error code of the product, in one row each: what happened, what to do, and of which kind it is.
 * docs/errors.md is this table as a page; clients map `kind` to exit codes and HTTP status.
 *
 * @module
 */

/**
 * `usage`: the caller's input is wrong. `refused`: a permission says no. `check`: something was verified and is wrong;
 * do not rely on it. `unavailable`: a part does not answer, a retry helps. `sign-in`: a key or session is missing.
 * `internal`: a fault of this product.
 */
export type ErrorKind = 'usage' | 'refused' | 'check' | 'unavailable' | 'sign-in' | 'internal'

export interface ErrorRow {
  readonly kind: ErrorKind
  /** One sentence: what happened. */
  readonly meaning: string
  /** One sentence a person can act on. */
  readonly action: string
}

export const ERROR_TABLE = {
  // cryptography and encodings
  CRYPTO_BAD_KEY: {
    kind: 'usage',
    meaning: 'A key is malformed or not on the curve.',
    action: 'Use a P-256, X25519 or ML-KEM-768 key made by this product or a standard tool.',
  },
  CRYPTO_DECRYPTION_FAILED: {
    kind: 'check',
    meaning: 'A ciphertext could not be decrypted.',
    action: 'Fetch it again; if it stays, report it: the data or the key was changed.',
  },
  CRYPTO_WEAK_SHARED_SECRET: {
    kind: 'check',
    meaning: 'A key agreement gave an all-zero secret.',
    action: 'Report the peer: its public key was chosen to break the exchange.',
  },
  CRYPTO_BAD_ENCODING: {
    kind: 'usage',
    meaning: 'Text or bytes are not in their one canonical form.',
    action: 'Send lower-case hexadecimal, unpadded base64url or well-formed UTF-8.',
  },
  CRYPTO_BAD_CERTIFICATE: {
    kind: 'refused',
    meaning: 'A certificate is malformed, ended, revoked or of another authority.',
    action: 'Renew the certificate with the organisation that issued it.',
  },
  CBOR_MALFORMED: {
    kind: 'usage',
    meaning: 'A message is not deterministic CBOR within the limits.',
    action: 'Encode as docs/protocol/01-conventions.md says.',
  },
  MESSAGE_MALFORMED: {
    kind: 'usage',
    meaning: 'A message lacks a field, has an unknown one, or a value is out of range.',
    action: 'Compare it with the section of docs/protocol that defines it.',
  },
  STATEMENT_MALFORMED: {
    kind: 'usage',
    meaning: 'A signed statement is not the strict compact JWS that is expected.',
    action: 'Make it with the client library; other algorithms and headers are refused.',
  },
  STATEMENT_SIGNATURE_INVALID: {
    kind: 'check',
    meaning: 'The signature of a statement does not verify.',
    action: 'Do not rely on it; ask its signer for a new one.',
  },
  ENVELOPE_REJECTED: {
    kind: 'check',
    meaning: 'An encrypted envelope does not open for this patient, version and kind.',
    action: 'Encrypt again with the current treatment key; if it was stored, report it.',
  },
  // warrants, grants, keys
  WARRANT_SIGNATURE_INVALID: {
    kind: 'refused',
    meaning: 'The permission was not signed by an active key of the patient.',
    action: 'Ask the patient to issue it again.',
  },
  WARRANT_PARTY_MISMATCH: {
    kind: 'refused',
    meaning: 'The permission names another patient, doctor or hospital.',
    action: 'Use the permission of this appointment.',
  },
  WARRANT_NOT_YET_VALID: {
    kind: 'refused',
    meaning: 'The permission has not started.',
    action: 'Wait until it starts or ask the patient for an earlier one.',
  },
  WARRANT_EXPIRED: {
    kind: 'refused',
    meaning: 'The permission has ended.',
    action: 'Ask the patient for a new one: trusthealth warrant issue.',
  },
  WARRANT_SCOPE_EXCEEDED: {
    kind: 'refused',
    meaning: 'The permission does not cover this kind of record.',
    action: 'Ask the patient to include the kind.',
  },
  WARRANT_NOT_RECORDED: {
    kind: 'refused',
    meaning: 'The permission is not on the shared ledger.',
    action: 'Record it first; the client does so when it issues one.',
  },
  WARRANT_NOT_PRESENTED: {
    kind: 'refused',
    meaning: 'The record server knows that a permission exists, but has not seen it.',
    action: 'Send the permission first; the client does so by itself.',
  },
  WARRANT_REVOKED: {
    kind: 'refused',
    meaning: 'The patient took the permission back.',
    action: 'Ask the patient for a new one.',
  },
  WARRANT_EXISTS: {
    kind: 'usage',
    meaning: 'A permission with this id is already recorded with other content.',
    action: 'Issue one with a new id.',
  },
  WARRANT_UNKNOWN: {
    kind: 'usage',
    meaning: 'No permission with this id is recorded.',
    action: 'Check the id: trusthealth warrant show.',
  },
  GRANT_INVALID: {
    kind: 'refused',
    meaning: 'The access statement is malformed or not signed by an active key of the patient.',
    action: 'Ask the patient to give access again.',
  },
  GRANT_EXISTS: {
    kind: 'usage',
    meaning: 'Access with this id was already given with other content.',
    action: 'Give it with a new id.',
  },
  GRANT_UNKNOWN: {
    kind: 'usage',
    meaning: 'No access with this id was given.',
    action: 'Check the id in the list of access you gave.',
  },
  GRANT_NOT_YET_VALID: {
    kind: 'refused',
    meaning: 'The access that the patient gave has not started.',
    action: 'Wait until it starts or ask the patient for an earlier one.',
  },
  GRANT_EXPIRED: {
    kind: 'refused',
    meaning: 'The access that the patient gave has ended.',
    action: 'Ask the patient to give access again.',
  },
  GRANT_REVOKED: { kind: 'refused', meaning: 'The patient took the access back.', action: 'Ask the patient.' },
  GRANT_SCOPE_EXCEEDED: {
    kind: 'refused',
    meaning: 'The access does not cover this record.',
    action: 'Ask the patient to include it.',
  },
  REVOCATION_INVALID: {
    kind: 'refused',
    meaning: 'The statement that takes access back is not signed by an active key of the patient.',
    action: 'Sign it with a registered device.',
  },
  PERMISSIONS_TOO_MANY: {
    kind: 'refused',
    meaning: 'The patient has given as many permissions as can be in force at once.',
    action: 'Take back those that are no longer needed.',
  },
  ACCESS_DENIED: { kind: 'refused', meaning: 'No permission allows this.', action: 'Ask the patient for access.' },
  EMERGENCY_NOT_ALLOWED: {
    kind: 'refused',
    meaning: 'This doctor may not use emergency access, or the reason is missing.',
    action: 'Use the paper procedure; an administrator can give the attribute.',
  },
  EMERGENCY_ENDED: {
    kind: 'refused',
    meaning: 'The emergency access has ended.',
    action: 'Open it again with a reason, or ask the patient.',
  },
  KEY_STATEMENT_INVALID: {
    kind: 'refused',
    meaning: 'The statement that changes keys is malformed or not signed by an active key.',
    action: 'Sign it on a registered device.',
  },
  KEY_HANDOVER_INVALID: {
    kind: 'refused',
    meaning: "A record server's new key is not signed by the one before.",
    action: 'Exchange it with trusthealth certificate rotate; only the server itself can name its next key.',
  },
  KEY_EXISTS: { kind: 'usage', meaning: 'This key is already registered.', action: 'Nothing needs to be done.' },
  KEY_UNKNOWN: { kind: 'usage', meaning: 'No such key is registered.', action: 'Check the list of keys.' },
  KEY_LAST: {
    kind: 'refused',
    meaning: 'The last active key of a patient cannot be removed.',
    action: 'Add another device or a recovery key first.',
  },
  CREDENTIAL_REJECTED: {
    kind: 'refused',
    meaning: 'The credential is not of a registered, active participant.',
    action: 'Register, or renew the credential with the hospital.',
  },
  CREDENTIAL_EXPIRED: {
    kind: 'refused',
    meaning: 'The certificate or credential of the one who asks has ended.',
    action: 'Renew it with the hospital: the registered key still counts there.',
  },
  TREATMENT_KEY_UNKNOWN: {
    kind: 'refused',
    meaning: 'The record server has no treatment key of this patient and version.',
    action: 'Let the hospital provision the patient.',
  },
  TREATMENT_KEY_VERSION: {
    kind: 'usage',
    meaning: 'The treatment key version is not the next one.',
    action: 'Read the current version and try again.',
  },
  // records
  RECORD_NOT_FHIR: {
    kind: 'usage',
    meaning: 'The record is not a FHIR R4 resource in JSON.',
    action: 'Correct the resource; the position is given where it is known.',
  },
  RECORD_TOO_LARGE: {
    kind: 'usage',
    meaning: 'The record is larger than the limit.',
    action: 'Split it, or store the attachment on its own.',
  },
  RECORD_VERSION_CONFLICT: {
    kind: 'usage',
    meaning: 'The version does not follow the newest one.',
    action: 'Read the newest version and correct that.',
  },
  RECORD_ID_REUSED: {
    kind: 'usage',
    meaning: 'The record id was used before with other content.',
    action: 'Use a new id.',
  },
  RECORD_NOT_FOUND: { kind: 'usage', meaning: 'There is no such record that you may see.', action: 'Check the id.' },
  RECORD_ERASED: {
    kind: 'refused',
    meaning: 'The record was erased; only its marker remains.',
    action: 'Nothing can bring it back; the marker has a proof.',
  },
  RETENTION_APPLIES: {
    kind: 'refused',
    meaning: 'An organisation must keep the record for some time yet.',
    action: 'Ask the hospital; from the day that is named the record can be erased.',
  },
  RECORD_HASH_MISMATCH: {
    kind: 'check',
    meaning: 'The text of a record does not match what was signed.',
    action: 'Do not rely on it; run trusthealth audit and report it.',
  },
  COMMITMENT_MISMATCH: {
    kind: 'check',
    meaning: 'The shared ledger shows another fingerprint for this record.',
    action: 'Do not rely on it; store it again under a new id and report it.',
  },
  COMMITMENT_MISSING: {
    kind: 'unavailable',
    meaning: 'The record is staged but not yet on the shared ledger.',
    action: 'Wait or repeat: nothing is lost and nothing is stored twice.',
  },
  CHAIN_LINK_MISSING: {
    kind: 'check',
    meaning: 'A doctor of the group has no part in the chain.',
    action: 'Let the named doctor add the part.',
  },
  CHAIN_LINK_REORDERED: {
    kind: 'check',
    meaning: 'A part of the chain is not in the agreed order.',
    action: 'Ask the named doctor to add the part again in turn.',
  },
  CHAIN_LINK_ALTERED: {
    kind: 'check',
    meaning: 'A part of the chain was changed after signing.',
    action: 'Ask the named doctor to sign again.',
  },
  CHAIN_LINK_REPEATED: {
    kind: 'check',
    meaning: 'A part of the chain stands in it twice.',
    action: 'Remove the repetition.',
  },
  RECEIPT_INVALID: {
    kind: 'check',
    meaning: 'A receipt does not verify.',
    action: 'Do not rely on it; fetch it again.',
  },
  // FHIR input
  FHIR_NOT_JSON: {
    kind: 'usage',
    meaning: 'The input is not JSON in UTF-8.',
    action: 'Correct the file at the position given.',
  },
  FHIR_TOO_LARGE: { kind: 'usage', meaning: 'A resource is larger than the limit.', action: 'Split it.' },
  FHIR_TOO_DEEP: { kind: 'usage', meaning: 'A resource is nested deeper than the limit.', action: 'Flatten it.' },
  FHIR_UNKNOWN_RESOURCE_TYPE: {
    kind: 'usage',
    meaning: 'resourceType is not one of FHIR R4.',
    action: 'Correct resourceType.',
  },
  FHIR_BAD_ID: {
    kind: 'usage',
    meaning: 'The id of a resource is not valid in FHIR.',
    action: 'Use letters, digits, hyphens and dots, 1 to 64.',
  },
  FHIR_DUPLICATE_KEY: { kind: 'usage', meaning: 'An object has the same member twice.', action: 'Remove one of them.' },
  FHIR_NOT_A_BUNDLE: {
    kind: 'usage',
    meaning: 'The resource is not a Bundle.',
    action: 'Give a Bundle, a single resource or NDJSON.',
  },
  FHIR_CONSENT_UNSUPPORTED: {
    kind: 'usage',
    meaning: 'A Consent says something that a permission here cannot carry.',
    action: 'Draft it in the shape of shared/fhir/README.md; exceptions, purposes and filters are refused.',
  },
  FHIR_UNRESOLVED_PATIENT: {
    kind: 'usage',
    meaning: 'The patient of a resource cannot be told.',
    action:
      'Name a patient who is registered here: by reference, with --patient, or with the header X-TrustHealth-Patient.',
  },
  // FHIR REST (docs/fhir.md)
  FHIR_NOT_FOUND: {
    kind: 'usage',
    meaning: 'There is no such resource, or not for the one who asks.',
    action: 'Check type and id; a record stored elsewhere appears after the next search of its patient.',
  },
  FHIR_GONE: {
    kind: 'usage',
    meaning: 'The resource was deleted here, or its patient destroyed it.',
    action: 'Its history says when; what the patient destroyed cannot be brought back.',
  },
  FHIR_DELETE_REFUSED: {
    kind: 'usage',
    meaning: 'This hospital deletes no records of patients through its FHIR API.',
    action: 'Correct the record, or let the patient erase it; the policy is fhirDelete in hospital.json.',
  },
  FHIR_SEARCH_INVALID: {
    kind: 'usage',
    meaning: 'A search parameter, its modifier or its value is not supported.',
    action: 'Compare the request with docs/fhir.md or the CapabilityStatement.',
  },
  FHIR_NOT_SUPPORTED: {
    kind: 'usage',
    meaning: 'This interaction is not supported for this type.',
    action: 'Compare the request with docs/fhir.md or the CapabilityStatement.',
  },
  FHIR_ID_MISMATCH: {
    kind: 'usage',
    meaning: 'Type or id of the resource are not those of the address.',
    action: 'Send the resource to the address that it names.',
  },
  FHIR_VERSION_CONFLICT: {
    kind: 'usage',
    meaning: 'The resource was changed since the version that If-Match names.',
    action: 'Read it again, merge, and send the new ETag.',
  },
  FHIR_PATCH_FAILED: {
    kind: 'usage',
    meaning: 'A JSON Patch is malformed, or one of its operations cannot be done; nothing was changed.',
    action: 'Read the resource again and correct the operation that is named.',
  },
  FHIR_MULTIPLE_MATCHES: {
    kind: 'usage',
    meaning: 'The condition of a conditional request fits more than one resource.',
    action: 'Make the condition narrower.',
  },
  FHIR_INVALID: {
    kind: 'usage',
    meaning: 'The resource does not validate against FHIR R4.',
    action: 'Correct the elements that the issues name.',
  },
  FHIR_FORBIDDEN: {
    kind: 'refused',
    meaning: 'The scopes of the one who asks do not allow this interaction.',
    action: 'Ask for a token with the scope, for example user/Observation.rs.',
  },
  FHIR_PATIENT_NOT_REGISTERED: {
    kind: 'refused',
    meaning: 'The patient has not registered a key, so that no permission for the record can exist.',
    action:
      'POST Patient/[id]/$invite, give the code to the patient, and send it again when the patient has registered.',
  },
  FHIR_PERMISSION_MISSING: {
    kind: 'refused',
    meaning: 'The patient has not allowed this hospital to keep records, or took it back.',
    action: 'Ask the patient to sign it: in the portal, or trusthealth warrant issue --doctor HOSPITAL --until 365d.',
  },
  FHIR_CONSENT_UNSIGNED: {
    kind: 'refused',
    meaning: 'A permission begins with the signature of the patient; nobody else can make one active.',
    action: 'Send it with status proposed; the patient sees the request and signs it.',
  },
  FHIR_TRANSACTION_INCOMPLETE: {
    kind: 'unavailable',
    meaning: 'A part of a transaction was refused after another part had been stored; nothing of it is served.',
    action: 'Remedy the issue that is named and send the transaction again.',
  },
  FHIR_TRANSACTION_UNDER_WAY: {
    kind: 'unavailable',
    meaning: 'A transaction that was taken and is not stored yet writes the same resource.',
    action: 'Try again when the record server and the ledger answer.',
  },
  // sessions and evidence
  SESSION_WEAK_SHARED_SECRET: {
    kind: 'check',
    meaning: 'The key exchange of a session was weak.',
    action: 'Try again; report the peer if it repeats.',
  },
  SESSION_SERVER_SIGNATURE: {
    kind: 'check',
    meaning: 'The record server could not prove its identity.',
    action: 'Nothing was sent; report it to the hospital.',
  },
  SESSION_SERVER_CONFIRMATION: {
    kind: 'check',
    meaning: 'The record server does not hold the session keys.',
    action: 'Nothing was sent; report it to the hospital.',
  },
  SESSION_CLIENT_SIGNATURE: {
    kind: 'refused',
    meaning: 'The client could not prove its identity.',
    action: 'Use the key that is registered.',
  },
  SESSION_FINISH_REJECTED: {
    kind: 'refused',
    meaning: 'The last step of the key exchange was altered or is of another session.',
    action: 'Connect again.',
  },
  SESSION_UNKNOWN: {
    kind: 'sign-in',
    meaning: 'There is no such session.',
    action: 'Connect again; the client does so by itself.',
  },
  SESSION_EXPIRED: {
    kind: 'sign-in',
    meaning: 'The session has ended.',
    action: 'Connect again; the client does so by itself.',
  },
  SESSION_REPLAY: {
    kind: 'refused',
    meaning: 'A session record arrived twice or too late.',
    action: 'Send it again in a new record; report it if you did not repeat it.',
  },
  SESSION_RECORD_REJECTED: {
    kind: 'check',
    meaning: 'A session record was altered on the way.',
    action: 'Connect again; report it if it repeats.',
  },
  SESSION_TOO_MANY_HALF_OPEN: {
    kind: 'unavailable',
    meaning: 'Too many sessions are being opened.',
    action: 'Try again in a few seconds.',
  },
  ATTESTATION_MALFORMED: {
    kind: 'check',
    meaning: 'The evidence is not in the expected form.',
    action: 'Stop; report it to the hospital.',
  },
  ATTESTATION_SIGNATURE: {
    kind: 'check',
    meaning: 'The evidence is not signed by the registered device.',
    action: 'Stop; report it to the hospital.',
  },
  ATTESTATION_NONCE: {
    kind: 'check',
    meaning: 'The evidence belongs to another session.',
    action: 'Stop; report it to the hospital.',
  },
  ATTESTATION_KIND: {
    kind: 'check',
    meaning: 'The protected area is of a kind that is not accepted.',
    action: 'Compare the policy with the registration of the server.',
  },
  ATTESTATION_REPORT: {
    kind: 'check',
    meaning: "The device's report is not of a registered device, or not of this evidence.",
    action: 'Stop; report it to the hospital.',
  },
  ATTESTATION_SIMULATED: {
    kind: 'check',
    meaning: 'The protected area is only simulated.',
    action: 'Use it for practice only, or connect to a server with hardware protection.',
  },
  ATTESTATION_DEBUG: {
    kind: 'check',
    meaning: 'The protected area runs in debug mode.',
    action: 'Stop; its operator could read everything.',
  },
  ATTESTATION_SECURITY_VERSION: {
    kind: 'check',
    meaning: 'The program is older than the oldest accepted version.',
    action: 'Let the operator upgrade it.',
  },
  ATTESTATION_PLATFORM: {
    kind: 'check',
    meaning: 'The system below the program is not one that the hospitals approved.',
    action: 'Nothing was sent; compare trusthealth attest with the ledger.',
  },
  ATTESTATION_SIGNER: {
    kind: 'check',
    meaning: 'The program was signed by somebody else than the hospitals approved.',
    action: 'Nothing was sent; compare trusthealth attest with the ledger.',
  },
  ATTESTATION_MEASUREMENT: {
    kind: 'check',
    meaning: 'The program is not one that the hospitals approved.',
    action: 'Nothing was sent; compare trusthealth attest with the ledger.',
  },
  ATTESTATION_IDENTITY: {
    kind: 'check',
    meaning: 'The server that answered is not the registered one.',
    action: 'Nothing was sent; report it to the hospital.',
  },
  ATTESTATION_CONFIG: {
    kind: 'check',
    meaning: 'The server was set up with other organisations or rules than registered.',
    action: 'Nothing was sent; report it to the hospital.',
  },
  // ledger
  LEDGER_BAD_PROPOSAL: {
    kind: 'usage',
    meaning: 'A proposal is malformed or too large.',
    action: 'Make it with the client library.',
  },
  LEDGER_WRONG_CHANNEL: {
    kind: 'usage',
    meaning: 'A proposal is for another channel.',
    action: 'Check the configuration of the client.',
  },
  LEDGER_IDENTITY_REJECTED: {
    kind: 'refused',
    meaning: 'The certificate is not of a member, ended or revoked.',
    action: 'Renew the certificate with your organisation.',
  },
  LEDGER_SIGNATURE_INVALID: {
    kind: 'check',
    meaning: 'The signature of a proposal does not verify.',
    action: 'Sign with the key of the certificate.',
  },
  LEDGER_STALE_PROPOSAL: {
    kind: 'usage',
    meaning: 'A proposal is too old or from the future.',
    action: 'Correct the clock and sign again.',
  },
  LEDGER_BAD_ARGUMENT: {
    kind: 'usage',
    meaning: 'An argument of a ledger function is malformed, unknown or too large.',
    action: 'Compare it with docs/protocol/07-ledger.md.',
  },
  LEDGER_UNKNOWN_FUNCTION: {
    kind: 'usage',
    meaning: 'The contract has no such function.',
    action: 'Compare it with docs/protocol/07-ledger.md.',
  },
  LEDGER_FORBIDDEN: {
    kind: 'refused',
    meaning: 'This role or organisation may not call the function.',
    action: 'Let an authorised participant do it.',
  },
  LEDGER_CONFIGURATION_REJECTED: {
    kind: 'refused',
    meaning: 'A new configuration of the ledger is malformed or not signed by enough administrators.',
    action: 'Let administrators of a majority of the organisations, and of each that joins, sign it.',
  },
  LEDGER_CONFLICT: {
    kind: 'unavailable',
    meaning: 'Another transaction changed the same data first.',
    action: 'Repeat; the client does so by itself.',
  },
  LEDGER_UNAVAILABLE: {
    kind: 'unavailable',
    meaning: 'The shared ledger does not answer.',
    action: 'Wait; nothing is lost, and nothing opens without it.',
  },
  LEDGER_STORAGE_FAILED: {
    kind: 'internal',
    meaning: 'The ledger could not write to its disk.',
    action: 'Free disk space or replace the disk, then restart it.',
  },
  LEDGER_FAULT: {
    kind: 'internal',
    meaning: 'The ledger met a fault of its own and stopped the request.',
    action: 'Repeat; report it with the time if it stays.',
  },
  LEDGER_BLOCK_INVALID: {
    kind: 'check',
    meaning: 'A block of the ledger does not verify.',
    action: 'Everything before it is consistent; restore the ledger from another copy and report it.',
  },
  LEDGER_BUSY: {
    kind: 'unavailable',
    meaning: 'The ledger has too many requests waiting.',
    action: 'Slow down and repeat.',
  },
  PATIENT_EXISTS: { kind: 'usage', meaning: 'The patient reference is already on the ledger.', action: 'Use update.' },
  PATIENT_NOT_FOUND: {
    kind: 'usage',
    meaning: 'The patient reference is not on the ledger.',
    action: 'Check the reference or register the patient.',
  },
  PARTICIPANT_EXISTS: {
    kind: 'usage',
    meaning: 'The participant is already registered with other content.',
    action: 'Use a new reference.',
  },
  PARTICIPANT_UNKNOWN: {
    kind: 'refused',
    meaning: 'The participant is not registered.',
    action: 'Let its organisation register it.',
  },
  PARTICIPANT_SUSPENDED: { kind: 'refused', meaning: 'The participant is suspended.', action: 'Ask its organisation.' },
  DIRECTORY_UNAVAILABLE: {
    kind: 'unavailable',
    meaning: 'The list of another hospital’s doctors cannot be fetched now.',
    action: 'Ask again later, or give access by the doctor’s reference.',
  },
  APP_REJECTED: {
    kind: 'usage',
    meaning: 'An app cannot be registered with this description.',
    action:
      'Scopes are SMART’s, such as patient/Observation.rs; a backend has system scopes and keys, others an https address to return to; keys are public ones.',
  },
  DIRECTORY_TOO_LARGE: {
    kind: 'refused',
    meaning: 'The hospital has more doctors than one published list may name.',
    action: 'Ask the doctor for the reference, and give access by it.',
  },
  DIRECTORY_REJECTED: {
    kind: 'check',
    meaning: 'The list of another hospital’s doctors is malformed, too large or not signed by that hospital.',
    action: 'Tell the other hospital; give access by the doctor’s reference.',
  },
  DIRECTORY_ENTRY_REJECTED: {
    kind: 'check',
    meaning: 'The ledger does not have this entry of a directory as an active doctor of that hospital.',
    action: 'Ask the doctor for the reference, or the hospital to correct its list.',
  },
  ORGANIZATION_UNKNOWN: {
    kind: 'usage',
    meaning: 'The organisation is not a member of the channel.',
    action: 'Check the name or let it join.',
  },
  COMMIT_SIGNATURE_INVALID: {
    kind: 'check',
    meaning: 'The author did not sign these fingerprints.',
    action: 'Let the author sign again.',
  },
  COMMIT_TAG_MISMATCH: {
    kind: 'check',
    meaning: 'The fingerprint of the author does not belong to the signer.',
    action: 'Make the commitment with the client library.',
  },
  BATCH_DIFFERENT: {
    kind: 'usage',
    meaning: 'The batch id was used before with other content.',
    action: 'Use a new batch id.',
  },
  BATCH_NOT_FOUND: {
    kind: 'usage',
    meaning: 'There is no such batch or index on the ledger.',
    action: 'Check the receipt.',
  },
  CHECKPOINT_INVALID: {
    kind: 'check',
    meaning: 'A checkpoint is malformed or not signed by its server.',
    action: 'Report the record server.',
  },
  CHECKPOINT_EPOCH: {
    kind: 'check',
    meaning: 'A checkpoint does not follow the newest one.',
    action: 'Two copies of one server may run: stop one and read docs/operations.',
  },
  SUCCESSION_OLD_TERM: {
    kind: 'usage',
    meaning: 'The organisation has already voted for a later holder of this store.',
    action: 'Look at the votes with trusthealth recovery show, and vote for the next term.',
  },
  CHECKPOINT_SMALLER: {
    kind: 'check',
    meaning: 'A checkpoint covers fewer entries than the newest one.',
    action: 'The store was put back: restore the newest copy.',
  },
  CHECKPOINT_NOT_FOUND: {
    kind: 'usage',
    meaning: 'The server has not anchored a checkpoint yet.',
    action: 'Wait for the first one.',
  },
  CHECKPOINT_FORKED: {
    kind: 'check',
    meaning: 'The store and the anchored checkpoint tell different histories.',
    action: 'Do not serve from this store; restore the one that the ledger knows.',
  },
  // endorsed reads
  ENDORSEMENT_QUORUM: {
    kind: 'unavailable',
    meaning: 'Too few organisations answered.',
    action: 'Wait; nothing opens without them.',
  },
  ENDORSEMENT_SIGNATURE: {
    kind: 'check',
    meaning: 'A ledger answer is not signed by a known node.',
    action: 'Report the server that carried it.',
  },
  ENDORSEMENT_NONCE: {
    kind: 'check',
    meaning: 'A ledger answer is for another question.',
    action: 'Report the server that carried it: it replays old answers.',
  },
  ENDORSEMENT_STALE: {
    kind: 'check',
    meaning: 'A ledger answer is older than what was asked for.',
    action: 'Report the server that carried it: it may hide a change.',
  },
  ENDORSEMENT_DISAGREEMENT: {
    kind: 'check',
    meaning: 'Organisations gave different answers.',
    action: 'Repeat; if it stays, compare the ledgers of the organisations.',
  },
  ENDORSEMENT_MALFORMED: {
    kind: 'check',
    meaning: 'A ledger answer is not in the expected form.',
    action: 'Report the server that carried it.',
  },
  // log and store
  LOG_PROOF_INVALID: {
    kind: 'check',
    meaning: 'A proof of the log does not verify.',
    action: 'Do not rely on it; report the record server.',
  },
  LOG_CHECKPOINT_MALFORMED: {
    kind: 'check',
    meaning: 'A checkpoint of the log is not in the expected form.',
    action: 'Report the record server.',
  },
  LOG_SIGNATURE_INVALID: {
    kind: 'check',
    meaning: 'A checkpoint of the log is not signed by the record server.',
    action: 'Report the record server.',
  },
  LOG_SIGNATURE_MISSING: {
    kind: 'check',
    meaning: 'A checkpoint of the log carries no signature of a known key, or of too few witnesses.',
    action: 'Compare the keys you know with the ledger; if they are right, report the record server.',
  },
  LOG_KEY_ENDED: {
    kind: 'check',
    meaning: 'A checkpoint of the log is signed by a key that had ended before the log was that long.',
    action: 'Do not rely on it and report the record server: the old key was to be destroyed.',
  },
  LOG_ORIGIN_MISMATCH: {
    kind: 'check',
    meaning: 'A checkpoint is of another log.',
    action: 'Report the record server that sent it.',
  },
  LOG_KEY_MALFORMED: {
    kind: 'usage',
    meaning: 'A key or name for checking checkpoints is not in its one form.',
    action: 'Paste the verifier key as it was shown; names have no spaces and no plus sign.',
  },
  LOG_SIZE_INVALID: {
    kind: 'usage',
    meaning: 'An index or size is outside the log.',
    action: 'Ask for one inside it.',
  },
  WITNESS_LOG_UNKNOWN: {
    kind: 'usage',
    meaning: 'A witness was asked about a log that is of no record server on the ledger.',
    action: 'Compare the origin in the checkpoint with the reference of the record server.',
  },
  WITNESS_SIZE: {
    kind: 'usage',
    meaning: 'A witness has seen another size of the log than the request starts from.',
    action: 'Ask again with the size that the witness answered, and a proof from there.',
  },
  WITNESS_REJECTED: {
    kind: 'check',
    meaning: 'A cosignature is not of a registered hospital, or not of a checkpoint that was offered for it.',
    action: 'Cosign the checkpoint that the record server offers now, with the key that the ledger has.',
  },
  WITNESS_TOO_FEW: {
    kind: 'unavailable',
    meaning: 'Too few hospitals have cosigned a checkpoint that covers this.',
    action: 'Ask again in some seconds; if it stays, ask the hospitals whether they were shown another log.',
  },
  LOG_NOT_CONSISTENT: {
    kind: 'check',
    meaning: 'Two checkpoints tell different histories.',
    action: 'Report the record server with both checkpoints.',
  },
  STATE_ROLLED_BACK: {
    kind: 'check',
    meaning: 'Stored data is older than what the record server knows it wrote.',
    action: 'Someone put old data back: restore the newest copy; nothing was served from it.',
  },
  STORE_DAMAGED: {
    kind: 'check',
    meaning: 'The store of the record server cannot be read: it was changed or is of another device.',
    action: 'Restore the newest copy; nothing was served from it.',
  },
  STORE_FAILED: {
    kind: 'internal',
    meaning: 'The record server could not write to its disk.',
    action: 'Free disk space or replace the disk; it starts again by itself.',
  },
  CLOCK_SKEW: {
    kind: 'unavailable',
    meaning: 'The clock of the record server and the ledger are too far apart.',
    action: 'Correct the clock of the machine.',
  },
  // trusted application and host
  TEE_NOT_PROVISIONED: {
    kind: 'unavailable',
    meaning: 'The record server has not been set up.',
    action: 'Provision it: trusthealth start does so on one machine.',
  },
  TEE_ALREADY_PROVISIONED: {
    kind: 'usage',
    meaning: 'The record server was set up before.',
    action: 'Its configuration changes only through the ledger.',
  },
  TEE_RECOVERING: {
    kind: 'unavailable',
    meaning: 'The record server checks its store against the ledger.',
    action: 'Wait a moment.',
  },
  TEE_RESTARTED: {
    kind: 'unavailable',
    meaning: 'The record server restarted while it worked on this.',
    action: 'Repeat: an acknowledged record is safe, a repeated one is not stored twice.',
  },
  TEE_BUSY: {
    kind: 'unavailable',
    meaning: 'The record server has too many requests waiting.',
    action: 'Slow down and repeat.',
  },
  TEE_MEASUREMENT: {
    kind: 'check',
    meaning: 'The trusted application on disk is not the expected one.',
    action: 'Install the released one; it was not started.',
  },
  PROGRAM_NOT_APPROVED: {
    kind: 'check',
    meaning: 'The store belongs to another program, and too few organisations voted for this one.',
    action: 'Have more than half of the organisations approve it, or start the earlier program.',
  },
  STORE_SUCCEEDED: {
    kind: 'check',
    meaning: 'The organisations gave the store to another record server, which goes on in place of this one.',
    action: 'Leave this one stopped; trusthealth recovery show says who holds the store.',
  },
  STORE_NOT_HELD: {
    kind: 'check',
    meaning: 'The store belongs to another device, and too few organisations voted for this one.',
    action: 'Have more than half of the organisations vote: trusthealth recovery approve.',
  },
  PROGRAM_DOWNGRADE: {
    kind: 'check',
    meaning: 'The store was served by a program with a higher security version.',
    action: 'Start that program or a newer one.',
  },
  REPLICA_NOT_APPROVED: {
    kind: 'refused',
    meaning: 'Too few organisations voted for this replica of the record server.',
    action: 'Have more than half of the organisations approve it.',
  },
  REPLICA_UNKNOWN: {
    kind: 'refused',
    meaning: 'No replica, or another one, is set up for this record server.',
    action: 'Add the replica on the server that it is to follow.',
  },
  REPLICA_BEHIND: {
    kind: 'unavailable',
    meaning: 'The replica lacks changes that the record server does not keep any more.',
    action: 'Give it a new copy of the store; then it follows again.',
  },
  REPLICA_DIVERGED: {
    kind: 'check',
    meaning: 'The replica has another history than the record server that it follows.',
    action: 'Find out whose disk was changed before you give the replica a new copy.',
  },
  RECOVERY_TOO_FEW_HOSPITALS: {
    kind: 'unavailable',
    meaning: 'There are too few organisations with a hospital to share the key of the store among them.',
    action: 'It is shared by itself once a further organisation has registered its hospital.',
  },
  RECOVERY_SET_INVALID: {
    kind: 'check',
    meaning: 'These recovery shares are not of this record server.',
    action: 'Give the shares that this server made.',
  },
  RECOVERY_SHARE_WRONG: {
    kind: 'check',
    meaning: 'The recovery share of this hospital is not the one that the record server made.',
    action: 'Put the hospital’s own backup back, or let the other hospitals give theirs.',
  },
  RECOVERY_SET_OLD: {
    kind: 'check',
    meaning: 'The recovery shares are older than those that the store’s hospitals had last.',
    action: 'Let the hospitals give their newest shares.',
  },
  RECOVERY_SHARES_MISSING: {
    kind: 'unavailable',
    meaning: 'Too few hospitals have given their recovery shares.',
    action: 'Ask the next hospital: trusthealth recovery give.',
  },
  RECOVERY_NO_SHARE: {
    kind: 'refused',
    meaning: 'This hospital has no recovery share of the record server.',
    action: 'Ask another hospital.',
  },
  RECOVERY_NOT_APPROVED: {
    kind: 'refused',
    meaning: 'Too few organisations voted for the device that asks for recovery shares.',
    action: 'Have more than half of the organisations vote: trusthealth recovery approve --instance.',
  },
  TEE_UNKNOWN_COMMAND: {
    kind: 'usage',
    meaning: 'The record server has no such command.',
    action: 'Compare it with docs/protocol.',
  },
  TEE_NOT_OFFERED: {
    kind: 'usage',
    meaning:
      'This kind of TEE does not offer that: replicas, restoring from shares, copies of the store while it runs.',
    action: 'See docs/operations/optee.md for what there is instead.',
  },
  TEE_FORBIDDEN: {
    kind: 'refused',
    meaning: 'This kind of participant may not use the command.',
    action: 'Let an authorised participant do it.',
  },
  TEE_FAULT: {
    kind: 'internal',
    meaning: 'The trusted application met a fault of its own and stopped the request.',
    action: 'Repeat; report it with the time if it stays.',
  },
  TEE_FRAME_INVALID: {
    kind: 'internal',
    meaning: 'The stream between the host and the trusted application is broken.',
    action: 'Nothing is lost: the trusted application is started again; report it if it repeats.',
  },
  TEE_MESSAGE_INVALID: {
    kind: 'internal',
    meaning: 'The host and the trusted application do not speak the same version.',
    action: 'Install both from one release.',
  },
  HTTP_TOO_LARGE: {
    kind: 'usage',
    meaning: 'The request body is larger than the limit.',
    action: 'Send less at once.',
  },
  HTTP_BAD_REQUEST: {
    kind: 'usage',
    meaning: 'The request does not match the API description.',
    action: 'Compare it with /openapi.json.',
  },
  HTTP_NOT_FOUND: { kind: 'usage', meaning: 'There is no such path.', action: 'Compare it with /openapi.json.' },
  HTTP_MEDIA_TYPE: {
    kind: 'usage',
    meaning: 'The content type is not accepted here.',
    action: 'Send the type that /openapi.json names.',
  },
  HTTP_NOT_ACCEPTABLE: {
    kind: 'usage',
    meaning: 'The answer cannot be given in the format that was asked for.',
    action: 'Ask for application/fhir+json or application/json.',
  },
  HTTP_RATE_LIMITED: {
    kind: 'unavailable',
    meaning: 'Too many requests from this address.',
    action: 'Wait for the time in Retry-After.',
  },
  SERVER_UNAVAILABLE: {
    kind: 'unavailable',
    meaning: 'A service does not answer.',
    action: 'Check trusthealth status; nothing is lost.',
  },
  REQUEST_REJECTED: {
    kind: 'sign-in',
    meaning: 'The request is not signed by a registered key, or its time is off.',
    action: 'Correct the clock of this device, or register its key.',
  },
  INVITATION_UNKNOWN: {
    kind: 'refused',
    meaning: 'The registration code is wrong, used or ended.',
    action: 'Ask the hospital for a new code.',
  },
  APPOINTMENT_UNKNOWN: {
    kind: 'usage',
    meaning: 'There is no such appointment that you may see.',
    action: 'Check the id in the list of appointments.',
  },
  SERVICE_FAULT: {
    kind: 'internal',
    meaning: 'A service met a fault of its own and stopped the request.',
    action: 'Repeat; report it with the time if it stays.',
  },
  SERVER_STOPPING: {
    kind: 'unavailable',
    meaning: 'The service is stopping.',
    action: 'Repeat after it has started again.',
  },
  // clients
  CLIENT_NO_IDENTITY: {
    kind: 'sign-in',
    meaning: 'There is no key for this name on this device.',
    action: 'Register first, or name another with --as.',
  },
  CLIENT_CHECK_SKIPPED: {
    kind: 'check',
    meaning: 'A check could not run.',
    action: 'Run it again when the part that was away answers.',
  },
  CLIENT_USAGE: {
    kind: 'usage',
    meaning: 'The command was called with missing or wrong arguments.',
    action: 'See --help.',
  },
  CLIENT_CANCELLED: { kind: 'usage', meaning: 'You stopped it.', action: 'Nothing was changed after that point.' },
  CLIENT_INTERRUPTED: {
    kind: 'usage',
    meaning: 'It was interrupted.',
    action: 'Run it again: it goes on where it was.',
  },
  CLIENT_CONFIRMATION: {
    kind: 'usage',
    meaning: 'A confirmation is needed.',
    action: 'Type the code, or give --confirm CODE.',
  },
  CLIENT_ALREADY_RUNNING: {
    kind: 'usage',
    meaning: 'The system already runs on this state folder.',
    action: 'Use it, or name another folder with --state.',
  },
  CLIENT_NOT_RUNNING: {
    kind: 'unavailable',
    meaning: 'No system runs on this state folder.',
    action: 'Start it: trusthealth start.',
  },
  CLIENT_PARTLY_DONE: {
    kind: 'usage',
    meaning: 'Some items were refused.',
    action: 'See the list; correct them and run it again.',
  },
  DEMO_SURPRISE: {
    kind: 'internal',
    meaning: 'A step of the demo did not end as promised.',
    action: 'Report the output.',
  },
  // setting up a Fabric network
  NETWORK_BINARIES_MISSING: {
    kind: 'usage',
    meaning: 'The programs of Hyperledger Fabric are not installed, or not whole.',
    action: 'Install a release of Fabric and set FABRIC_BIN to its bin folder, or install Go; docs/fabric.md.',
  },
  NETWORK_OPTIONS_REJECTED: {
    kind: 'usage',
    meaning: 'The network cannot be made like this, or the one in this folder is another one.',
    action: 'Correct the options, or use another folder.',
  },
  NETWORK_FOLDER_DAMAGED: {
    kind: 'check',
    meaning: 'The folder of the network is not whole.',
    action: 'Restore it from a copy, or make a new network in another folder.',
  },
  NETWORK_BUSY: {
    kind: 'unavailable',
    meaning: 'Another program makes or starts the network in this folder.',
    action: 'Wait until it is done.',
  },
  NETWORK_TOOL_FAILED: {
    kind: 'internal',
    meaning: 'A program of Fabric refused what it was asked while the network was set up.',
    action: 'Read what it said and `npm run fabric:logs`; starting again is safe.',
  },
  NETWORK_NOT_READY: {
    kind: 'unavailable',
    meaning: 'A node of the network does not answer.',
    action: 'Read `npm run fabric:logs`; starting again is safe.',
  },
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof ERROR_TABLE

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERROR_TABLE, value)
}

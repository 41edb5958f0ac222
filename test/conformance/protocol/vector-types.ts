/**
 * The JSON of the vector files. Bytes are lower-case hexadecimal.
 *
 * @module
 */
import type {
  CommitmentJson,
  EnvelopeKind,
  OpteeReference,
  Receipt,
  StatementType,
} from '../../../shared/protocol/src/index.ts'

interface NamedJws {
  readonly name: string
  readonly jws: string
}

export interface CborVectors {
  readonly about: string
  readonly valid: readonly { readonly name: string; readonly value: unknown; readonly encoded: string }[]
  readonly refused: readonly { readonly name: string; readonly encoded: string }[]
}

export interface StatementVectors {
  readonly about: string
  readonly typ: StatementType
  readonly valid: readonly (NamedJws & { readonly payload: Readonly<Record<string, unknown>> })[]
  readonly refused: readonly NamedJws[]
}

export interface WarrantVectors extends StatementVectors {
  /** Of each valid statement. */
  readonly hashes: readonly string[]
}

export interface ReceiptVectors extends Omit<StatementVectors, 'valid'> {
  readonly valid: readonly (NamedJws & { readonly payload: Receipt })[]
}

export interface CredentialVectors extends StatementVectors {
  readonly nowMs: number
  readonly chain: readonly string[]
}

export interface CommitmentVectors {
  readonly about: string
  readonly author: string
  readonly items: readonly {
    readonly ehr: string
    readonly salt: string
    readonly json: CommitmentJson
    readonly encoded: string
    readonly leaf: string
  }[]
}

export interface BatchVectors {
  readonly about: string
  readonly author: string
  readonly valid: readonly {
    readonly name: string
    readonly items: readonly CommitmentJson[]
    readonly signingInput: string
    readonly signature: string
  }[]
  readonly refused: readonly {
    readonly name: string
    readonly items: readonly CommitmentJson[]
    readonly signature: string
  }[]
}

export interface EnvelopeVectors {
  readonly about: string
  readonly version: number
  readonly valid: readonly {
    readonly kind: EnvelopeKind
    /** Content key, nonce, wrap nonce. */
    readonly draws: readonly string[]
    readonly plaintext: string
    readonly envelope: string
  }[]
  readonly refused: readonly { readonly name: string; readonly kind: EnvelopeKind; readonly envelope: string }[]
}

interface Delivery {
  readonly recipient: string
  readonly sealKey: string
  readonly ephemeralKey: string
  readonly sealed: string
}

export interface DeliveryVectors {
  readonly about: string
  readonly version: number
  readonly patient: string
  readonly tagOfProbe: string
  readonly wrapOfProbe: string
  readonly valid: readonly Delivery[]
  readonly refused: readonly (Delivery & { readonly name: string; readonly version: number })[]
}

export interface ChainVectors {
  readonly about: string
  readonly nowMs: number
  readonly plaintext: string
  /** Of each link. */
  readonly signingInputs: readonly string[]
  readonly refused: readonly {
    readonly name: string
    readonly code: string
    readonly link: number
    readonly plaintext: string
  }[]
}

interface EvidenceCase extends NamedJws {
  readonly nonce: string
  readonly registration: {
    readonly serverRef: string
    readonly identityKey: string
    readonly teeKind: string
    readonly measurements: readonly string[]
    readonly configDigest: string
    readonly attestationKeys: readonly string[]
    readonly optee?: OpteeReference
  }
  readonly policy: {
    readonly teeKinds: readonly string[]
    readonly minSecurityVersion: number
    readonly allowSimulated?: boolean
    readonly allowDebug?: boolean
  }
}

export interface EvidenceVectors {
  readonly about: string
  readonly valid: readonly EvidenceCase[]
  readonly refused: readonly (EvidenceCase & { readonly code: string })[]
}

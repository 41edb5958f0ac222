/**
 * Drafts that survive a killed tab: encrypted with a key of this browser that cannot be copied out, at most every two
 * seconds. Each form has a draft of its own, so that a second form never replaces the first.
 *
 * Limits: whoever can run code in this origin can read them; nobody can carry them away. A draft is bound to its owner,
 * patient and form, so that none opens in the place of another.
 *
 * @module
 */
import { decodeUtf8, encodeUtf8 } from '../../../../../shared/crypto/src/index.ts'

/** A key of WebCrypto, by the name that browsers and Node both have. */
export type DraftKey = Awaited<ReturnType<typeof crypto.subtle.deriveKey>>

/** A draft as it lies in the browser's store. */
export interface SealedDraft {
  readonly id: string
  /** Who writes, and about whom: shown in lists, and bound to the content. */
  readonly owner: string
  readonly patient: string
  readonly savedMs: number
  readonly iv: Uint8Array<ArrayBuffer>
  readonly ciphertext: ArrayBuffer
}

/** Where drafts and their key lie; IndexedDB in the browser. */
export interface DraftStore {
  /** The key that was kept, or `made`, which is kept then: two tabs must end with one key. */
  keyOr(made: DraftKey): Promise<DraftKey>
  put(draft: SealedDraft): Promise<void>
  all(): Promise<readonly SealedDraft[]>
  find(id: string): Promise<SealedDraft | undefined>
  remove(id: string): Promise<void>
}

export interface DraftLine {
  readonly id: string
  readonly patient: string
  readonly savedMs: number
}

const AES = { name: 'AES-GCM', length: 256 } as const

export class Drafts {
  readonly #store: DraftStore
  readonly #owner: string
  #key: Promise<DraftKey> | undefined

  constructor(store: DraftStore, owner: string) {
    this.#store = store
    this.#owner = owner
  }

  async save(id: string, patient: string, content: unknown, nowMs: number): Promise<void> {
    const iv = crypto.getRandomValues(new Uint8Array(12))
    const plain = new Uint8Array(encodeUtf8(JSON.stringify(content)))
    const additionalData = this.#bound(id, patient)
    const ciphertext = await crypto.subtle.encrypt({ name: AES.name, iv, additionalData }, await this.#open(), plain)
    await this.#store.put({ id, owner: this.#owner, patient, savedMs: nowMs, iv, ciphertext })
  }

  /** @returns undefined for a draft that is not there, of somebody else, or that cannot be opened any more. */
  async load(id: string): Promise<unknown> {
    const draft = await this.#store.find(id)
    if (draft === undefined || draft.owner !== this.#owner) return undefined
    const { iv, ciphertext, patient } = draft
    try {
      const additionalData = this.#bound(id, patient)
      const plain = await crypto.subtle.decrypt({ name: AES.name, iv, additionalData }, await this.#open(), ciphertext)
      return JSON.parse(decodeUtf8(new Uint8Array(plain))) as unknown
    } catch {
      return undefined
    }
  }

  /** Newest first. */
  async lines(): Promise<readonly DraftLine[]> {
    const all = await this.#store.all()
    return all
      .filter(({ owner }) => owner === this.#owner)
      .toSorted((a, b) => b.savedMs - a.savedMs)
      .map(({ id, patient, savedMs }) => ({ id, patient, savedMs }))
  }

  remove(id: string): Promise<void> {
    return this.#store.remove(id)
  }

  #open(): Promise<DraftKey> {
    this.#key ??= crypto.subtle.generateKey(AES, false, ['encrypt', 'decrypt']).then((made) => this.#store.keyOr(made))
    return this.#key
  }

  #bound(id: string, patient: string): Uint8Array<ArrayBuffer> {
    return new Uint8Array(encodeUtf8(JSON.stringify(['draft', this.#owner, patient, id])))
  }
}

/** Saves what changed, not more often than every `everyMs`, and at once when asked to. */
export class DraftSaver<T> {
  readonly #save: (content: T) => Promise<void>
  readonly #everyMs: number
  #content: T | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #saving: Promise<void> = Promise.resolve()

  constructor(save: (content: T) => Promise<void>, everyMs = 2_000) {
    this.#save = save
    this.#everyMs = everyMs
  }

  /** Whether something changed that is not saved yet. */
  get isWaiting(): boolean {
    return this.#content !== undefined
  }

  change(content: T): void {
    this.#content = content
    this.#timer ??= setTimeout(() => void this.flush().catch(() => undefined), this.#everyMs)
  }

  /** Resolves when everything that was given is saved. */
  flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const content = this.#content
    this.#content = undefined
    if (content === undefined) return this.#saving
    this.#saving = this.#saving
      .catch(() => undefined)
      .then(() => this.#save(content))
      .catch((error: unknown) => {
        // Not saved: it waits again, unless something newer does.
        this.#content ??= content
        throw error
      })
    return this.#saving
  }

  /** Forgets what waits, for a form that was signed or thrown away; waits for a save that is under way. */
  async drop(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#content = undefined
    await this.#saving.catch(() => undefined)
  }
}

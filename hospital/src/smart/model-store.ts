/**
 * What the OAuth server must remember (sessions, codes, tokens, grants), in the hospital's encrypted store: the adapter
 * that oidc-provider asks for. Clients are kept apart, see apps.ts.
 *
 * @module
 */
import type { Adapter, AdapterPayload } from 'oidc-provider'
import type { HospitalDatabase } from '../database.ts'

/** Ended rows are removed when this many more were written. */
const PURGE_EVERY = 256

export class ModelStore implements Adapter {
  static #written = 0
  readonly #db: HospitalDatabase
  readonly #model: string
  readonly #nowMs: () => number

  constructor(db: HospitalDatabase, model: string, nowMs: () => number) {
    this.#db = db
    this.#model = model
    this.#nowMs = nowMs
  }

  upsert(id: string, payload: AdapterPayload, expiresIn?: number): Promise<void> {
    const nowMs = this.#nowMs()
    const expiresMs = typeof expiresIn === 'number' ? nowMs + expiresIn * 1000 : null
    this.#db
      .prepare('INSERT OR REPLACE INTO oauth_model VALUES (?, ?, ?, ?, ?, ?)')
      .run(this.#model, id, JSON.stringify(payload), payload.grantId ?? null, payload.uid ?? null, expiresMs)
    if (ModelStore.#written++ % PURGE_EVERY === 0) {
      this.#db.prepare('DELETE FROM oauth_model WHERE expires_ms < ?').run(nowMs)
    }
    return Promise.resolve()
  }

  find(id: string): Promise<AdapterPayload | undefined> {
    return this.#findBy('id', id)
  }

  findByUid(uid: string): Promise<AdapterPayload | undefined> {
    return this.#findBy('uid', uid)
  }

  /** No device flow here. */
  findByUserCode(): Promise<undefined> {
    return Promise.resolve(undefined)
  }

  consume(id: string): Promise<void> {
    this.#db
      .prepare(
        `UPDATE oauth_model SET payload = json_set(payload, '$.consumed', ?) WHERE model = ? AND id = ?
         AND json_extract(payload, '$.consumed') IS NULL`,
      )
      .run(Math.floor(this.#nowMs() / 1000), this.#model, id)
    return Promise.resolve()
  }

  destroy(id: string): Promise<void> {
    this.#db.prepare('DELETE FROM oauth_model WHERE model = ? AND id = ?').run(this.#model, id)
    return Promise.resolve()
  }

  revokeByGrantId(grantId: string): Promise<void> {
    this.#db.prepare('DELETE FROM oauth_model WHERE grant_id = ?').run(grantId)
    return Promise.resolve()
  }

  #findBy(column: 'id' | 'uid', value: string): Promise<AdapterPayload | undefined> {
    const text = this.#db
      .prepare(
        `SELECT payload FROM oauth_model WHERE model = ? AND ${column} = ? AND (expires_ms IS NULL OR expires_ms >= ?)`,
      )
      .pluck()
      .get(this.#model, value, this.#nowMs()) as string | undefined
    return Promise.resolve(text === undefined ? undefined : (JSON.parse(text) as AdapterPayload))
  }
}

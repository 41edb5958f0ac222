/**
 * Sizes of what the façade takes.
 *
 * @module
 */

/**
 * A transaction of a whole history, or a resource that is nobody's record and stays in the hospital's own store; records
 * have `RESOURCE_LIMITS`. The largest official example of R4 has 33.6 MiB.
 */
export const MAX_BODY_BYTES = 36 * 2 ** 20

/** Resources of one page of a search, a history or `$everything`; one that is larger is a page by itself. */
export const MAX_PAGE_BYTES = 16 * 2 ** 20

/** Ciphertext of one signed batch. */
export const MAX_BATCH_BYTES = 3 * 2 ** 20

/**
 * Sizes of what the façade takes.
 *
 * @module
 */

/** A transaction of a whole history; the largest official example of R4 has 33.6 MiB. */
export const MAX_BODY_BYTES = 36 * 2 ** 20
/** Of a resource that is nobody's record and stays in the hospital's own store; records have `RESOURCE_LIMITS`. */
export const MAX_LOCAL_BYTES = MAX_BODY_BYTES

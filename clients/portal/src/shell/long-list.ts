/**
 * From how many rows on a list is a long one: then only the rows near the window are on the page; see near-rows.ts.
 *
 * @module
 */
export const LONG_LIST = 200

/** Places of transactions as one ascending number: what wrote a key, and in which order. */

/** More than a block has transactions. */
export const PLACES_PER_BLOCK = 1_024

export function placeAt(block: number, index: number): number {
  return block * PLACES_PER_BLOCK + index
}

export function placeOf(place: number): { readonly block: number; readonly index: number } {
  return { block: Math.floor(place / PLACES_PER_BLOCK), index: place % PLACES_PER_BLOCK }
}

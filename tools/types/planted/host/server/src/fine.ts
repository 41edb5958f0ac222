/** Here the engine is Node, so its names are known. */
export interface Shaped {
  readonly fine: boolean
}
export const engine = [process, Buffer, TextEncoder, setTimeout]

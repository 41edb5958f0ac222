export const engine = process

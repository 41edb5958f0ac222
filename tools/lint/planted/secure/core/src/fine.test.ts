export const nowMs = () => Date.now()
export const chance = () => Math.random()

/** Which of a patient's records are shown. */
export const VIEWS = ['all', 'problems', 'labs', 'medicines', 'notes'] as const
export type View = (typeof VIEWS)[number]

/**
 * Screens that wait for their first answers as a whole, so that nothing on them moves.
 *
 * @module
 */

/** Whether the first answer may still come soon: what stands below waits for it, so that it does not move. */
export function isFirstAnswerAwaited(
  ...asked: readonly { readonly isPending: boolean; readonly failureCount: number }[]
): boolean {
  return asked.some(({ isPending, failureCount }) => isPending && failureCount === 0)
}

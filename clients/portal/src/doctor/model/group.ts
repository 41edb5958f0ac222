/**
 * A group's work as a row of names: who has signed, whose turn it is, who comes later, who uploads for all.
 *
 * @module
 */
export interface GroupPart {
  readonly doctor: string
  readonly state: 'signed' | 'turn' | 'later'
  readonly isMe: boolean
  /** The last one uploads for all. */
  readonly isLast: boolean
  /** When the part was written, as its author says. */
  readonly signedMs?: number
}

export interface GroupState {
  readonly parts: readonly GroupPart[]
  /** From 1. */
  readonly place: number
  readonly count: number
  readonly isMyTurn: boolean
  /** My part is the last one: signing stores the work of all. */
  readonly storesForAll: boolean
}

/**
 * @param doctors of the permission, in order.
 * @param signed the parts that are there, in order, with the time that the author wrote into each.
 */
export function groupStateOf(
  doctors: readonly string[],
  signed: readonly { readonly author: string; readonly writtenMs: number }[],
  me: string,
): GroupState {
  const turn = signed.length
  const parts = doctors.map((doctor, i): GroupPart => {
    const part = signed[i]
    return {
      doctor,
      state: part !== undefined ? 'signed' : i === turn ? 'turn' : 'later',
      isMe: doctor === me,
      isLast: i === doctors.length - 1,
      ...(part === undefined ? {} : { signedMs: part.writtenMs }),
    }
  })
  const isMyTurn = doctors[turn] === me
  return {
    parts,
    place: Math.min(turn + 1, doctors.length),
    count: doctors.length,
    isMyTurn,
    storesForAll: isMyTurn && turn === doctors.length - 1,
  }
}

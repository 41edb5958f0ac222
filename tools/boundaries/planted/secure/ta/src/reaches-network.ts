// breaks: secure-never-reaches-network
import { fault } from '../../../shared/protocol/src/opens-socket.ts'
export const taken = fault

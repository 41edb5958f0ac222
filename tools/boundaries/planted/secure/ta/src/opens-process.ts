// breaks: secure-never-reaches-network, secure-ta-node
import { spawn } from 'node:child_process'
export const fault = spawn

// breaks: terminal-confined
import { Command } from 'commander'
export const fault = Command

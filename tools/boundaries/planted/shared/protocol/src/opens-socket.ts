// breaks: shared-protocol-node
import { connect } from 'node:net'
export const fault = connect

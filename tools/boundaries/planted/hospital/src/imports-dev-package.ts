// breaks: no-development-packages
import { encode } from 'cborg'
export const fault = encode

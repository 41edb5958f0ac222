// breaks: native-calls-confined
import koffi from 'koffi'
export const fault = koffi

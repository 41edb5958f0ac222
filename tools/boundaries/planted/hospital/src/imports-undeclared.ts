// breaks: no-undeclared-packages
import Ajv from 'ajv'
export const fault = Ajv

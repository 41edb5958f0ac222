// breaks: fabric-contract-api-confined
import { Contract } from 'fabric-contract-api'
export const fault = Contract

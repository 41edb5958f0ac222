/**
 * What programs that set hospitals up may use; the service itself is a program of its own, main.ts.
 *
 * @module
 */
export {
  createCertificateAuthority,
  openCertificateAuthority,
  type CertificateAuthority,
} from './certificate-authority.ts'
export { CONFIGURATION_FILE, hospitalConfigurationShape, type HospitalConfiguration } from './configuration.ts'
export { PRACTICE_TOKEN_FILE } from './fhir/practice-token.ts'
export { openOrganization, type Administrator, type Organization } from './organization.ts'
export { openServiceIdentity, registrationOf, serviceIdentityPath, type ServiceIdentity } from './service-identity.ts'

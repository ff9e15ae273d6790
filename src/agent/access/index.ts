export { openAccess } from './access.ts';
export { assertMay, insufficientRole, neededRole } from './authority.ts';
export { credentialRoutes } from './credential-routes.ts';
export { CredentialStore, type CredentialSummary } from './credential-store.ts';
export { Credentials, maySee, type Account, type CredentialUse } from './credentials.ts';
export { accessRoutes } from './routes.ts';
export { Visibility, visibilityCondition, type Viewer } from './visibility.ts';

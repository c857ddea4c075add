export { createApiServer, type ApiServer, type ApiServerOptions, type AssembleParts } from './server.ts';
export { defaultVersion, type ApiServerConfig, type VersionInfo } from './config.ts';
export { assembleParts, type AuthorizationMode, type PartsConfig, type PartsTools } from './parts.ts';
export type { AuthenticationInfo } from './bootstrap/authentication-info.ts';
export type * from './types.ts';

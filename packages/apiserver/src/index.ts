export { createApiServer, type ApiServer, type ApiServerOptions, type AssembleParts } from './server.ts';
export { defaultVersion, type ApiServerConfig, type VersionInfo } from './config.ts';
export { assembleParts, type PartsConfig, type PartsTools } from './parts.ts';
export type { AuthenticationInfo } from './bootstrap/authentication-info.ts';
export type * from './types.ts';
export type { AuthorizationMode, AuthorizerConfig } from './authz/config.ts';
export type { ChangeRecord } from './why/history.ts';

export * from './config.ts';
export * from './config-file.ts';
export * from './start.ts';
export * from './system.ts';
export { cleanUp } from './iptables/backend.ts';
export { buildModel, type ModelOptions, type ProxyModel, type RoutedPort } from './model/model.ts';

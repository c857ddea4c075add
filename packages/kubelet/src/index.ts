export * from './config.ts';
export * from './cri/types.ts';
export * from './kubelet.ts';
export * from './system.ts';
export { conflistName, removeKubenet } from './kubenet/kubenet.ts';
export { healthzHandler, kubeletHandler } from './server/server.ts';

export { createSigner } from './signer.ts';

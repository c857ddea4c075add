import type { AdmissionPlugin } from '../types.ts';
import { refuse } from './attributes.ts';

const operations = ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'] as const;

/** Both are from before there were others, and mean nothing. */
export const alwaysAdmit: AdmissionPlugin = { name: 'AlwaysAdmit', operations };

export const alwaysDeny: AdmissionPlugin = {
  name: 'AlwaysDeny',
  operations,
  admit(a) { throw refuse(a, 'admission control is denying all modifications'); },
  validate(a) { throw refuse(a, 'admission control is denying all modifications'); },
};

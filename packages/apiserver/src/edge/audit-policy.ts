import { fileURLToPath } from 'node:url';

/** The policy that `cox up` gives. */
export const auditPolicyFile = fileURLToPath(new URL('../../data/audit-policy.yaml', import.meta.url));

import { mastersGroup } from '../authn/users.ts';
import type { AuthorizationDecision, Authorizer } from '../types.ts';

/** In order: the first allow or deny decides. Reasons of those without an opinion are joined. */
export function unionAuthorizer(authorizers: readonly Authorizer[]): Authorizer {
  return {
    name: authorizers.map((one) => one.name).join(','),
    async authorize(attributes): Promise<AuthorizationDecision> {
      const reasons: string[] = [];
      const errors = new Set<string>();
      for (const authorizer of authorizers) {
        const result = await authorizer.authorize(attributes);
        if (result.decision !== 'no-opinion') return result;
        if (result.reason !== '') reasons.push(result.reason);
        if (result.error !== undefined) errors.add(result.error);
      }
      const [first] = errors;
      return { decision: 'no-opinion', reason: reasons.join('\n'), ...(first === undefined ? {} : { error: errors.size === 1 ? first : `[${[...errors].join(', ')}]` }) };
    },
  };
}

/** Stands first whatever the mode, so that a broken policy can be mended. */
export const mastersAuthorizer: Authorizer = {
  name: 'SystemMasters',
  authorize: ({ user }) => Promise.resolve(user.groups.includes(mastersGroup) ? { decision: 'allow', reason: '' } : { decision: 'no-opinion', reason: '' }),
};

export const alwaysAllowAuthorizer: Authorizer = { name: 'AlwaysAllow', authorize: () => Promise.resolve({ decision: 'allow', reason: '' }) };

export const alwaysDenyAuthorizer: Authorizer = { name: 'AlwaysDeny', authorize: () => Promise.resolve({ decision: 'no-opinion', reason: 'Everything is forbidden.' }) };

/** Paths that are served whatever the rules say. */
export function allowedPathsAuthorizer(paths: readonly string[]): Authorizer {
  const exact = new Set(paths.filter((path) => !path.endsWith('*')));
  const prefixes = paths.filter((path) => path.endsWith('*')).map((path) => path.slice(0, -1));
  return {
    name: 'AlwaysAllowPaths',
    authorize({ isResourceRequest, path }) {
      const allowed = !isResourceRequest && (exact.has(path) || prefixes.some((prefix) => path.startsWith(prefix)));
      return Promise.resolve(allowed ? { decision: 'allow', reason: '' } : { decision: 'no-opinion', reason: '' });
    },
  };
}

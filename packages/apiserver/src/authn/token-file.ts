import { UsageError } from '@coxswain/service';
import type { AuthenticationResult, UserInfo } from '../types.ts';
import type { TokenAuthenticator } from './bearer.ts';
import { user } from './users.ts';

/** `token,user,uid,"group1,group2"`, one a line. */
export function parseTokenFile(path: string, text: string): ReadonlyMap<string, UserInfo> {
  const users = new Map<string, UserInfo>();
  for (const record of csvRecords(text)) {
    const [token, name, uid, groups = ''] = record.map((cell) => cell.trim());
    if (record.length < 3) {
      throw new UsageError(`token file '${path}' must have at least 3 columns (token, user name, user uid), found ${record.length}`);
    }
    if (!token) continue;
    users.set(token, user(name ?? '', uid ?? '', groups === '' ? [] : groups.split(',').map((group) => group.trim())));
  }
  return users;
}

function* csvRecords(text: string): Generator<string[]> {
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() !== '' && !line.startsWith('#')) yield csvCells(line);
  }
}

function csvCells(line: string): string[] {
  const cells: string[] = [];
  let cell = '';
  let quoted = false;
  for (let i = 0; i < line.length; i += 1) {
    const c = line.charAt(i);
    if (quoted && c === '"' && line.charAt(i + 1) === '"') { cell += '"'; i += 1; }
    else if (c === '"') quoted = !quoted;
    else if (c === ',' && !quoted) { cells.push(cell); cell = ''; }
    else cell += c;
  }
  cells.push(cell);
  return cells;
}

export function tokenFileAuthenticator(users: ReadonlyMap<string, UserInfo>, apiAudiences: readonly string[]): TokenAuthenticator {
  return {
    authenticateToken(token, audiences): Promise<AuthenticationResult> {
      const found = users.get(token);
      if (found === undefined) return Promise.resolve({ kind: 'none' });
      // A static token is good for this server only.
      const common = audiences.filter((audience) => apiAudiences.includes(audience));
      if (audiences.length > 0 && common.length === 0) return Promise.resolve({ kind: 'none' });
      return Promise.resolve({ kind: 'user', user: found, audiences: common });
    },
  };
}

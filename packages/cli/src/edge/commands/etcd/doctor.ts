import { diagnose, examine, exitCode, type Finding } from '@coxswain/etcd-ops';
import type { Tool } from '../../../tool.ts';
import { connect, connectionFlags, type Connection } from './connection.ts';

const soonDays = 30;

function certificate({ certificateDays: days }: Connection): readonly Finding[] {
  if (days === undefined) return [];
  if (days < 0) return [{ level: 'fail', what: 'the client certificate has ended', advice: 'make a new one' }];
  return days < soonDays ? [{ level: 'warn', what: `the client certificate ends in ${Math.floor(days)} days`, advice: 'make a new one' }] : [];
}

const marks = { ok: 'ok  ', warn: 'warn', fail: 'FAIL' } as const satisfies Record<Finding['level'], string>;

export const doctor: Tool = {
  usage: 'etcd doctor [--endpoints URL,URL…]',
  summary: 'asks every member how it is, compares what they hold, and says what to do; changes nothing. Exit code 1 if something has failed',
  flags: connectionFlags,
  async run(flags) {
    const connection = connect(flags);
    const findings = [...diagnose(await examine(connection.host, connection.endpoints, (endpoint) => connection.admin(endpoint))), ...certificate(connection)];
    for (const { level, what, advice } of findings) process.stdout.write(`${marks[level]}  ${what}${advice === undefined ? '' : `\n      → ${advice}`}\n`);
    process.exitCode = exitCode(findings);
  },
};

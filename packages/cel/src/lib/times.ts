import { overload, type FunctionDecl } from '../functions.ts';
import { civilTime, type CivilTime } from '../time.ts';
import { CelError, type CelValue, type Duration, type Timestamp } from '../values.ts';

function getter(name: string, id: string, idWithZone: string, part: (time: CivilTime) => number, ofDuration?: readonly [string, (nanos: bigint) => bigint]): FunctionDecl {
  const run = (time: CelValue, zone: CelValue): CelValue => {
    const civil = civilTime(time as Timestamp, zone as string);
    return civil instanceof CelError ? civil : BigInt(part(civil));
  };
  return {
    name, overloads: [
      overload(id, '.(timestamp) -> int', ([time]) => run(time as CelValue, 'UTC')), overload(idWithZone, '.(timestamp, string) -> int', ([time, zone]) => run(time as CelValue, zone as CelValue)),
      ...(ofDuration === undefined ? [] : [overload(ofDuration[0], '.(duration) -> int', ([value]) => ofDuration[1]((value as Duration).nanos))]),
    ],
  };
}

const withZone = (id: string): string => `${id}_with_tz`;
const simple = (name: string, id: string, part: (time: CivilTime) => number, ofDuration?: readonly [string, (nanos: bigint) => bigint]): FunctionDecl => getter(name, id, withZone(id), part, ofDuration);

export const timeFunctions: readonly FunctionDecl[] = [
  simple('getFullYear', 'timestamp_to_year', ({ year }) => year),
  simple('getMonth', 'timestamp_to_month', ({ month }) => month),
  simple('getDayOfYear', 'timestamp_to_day_of_year', ({ dayOfYear }) => dayOfYear),
  simple('getDayOfMonth', 'timestamp_to_day_of_month', ({ day }) => day - 1),
  simple('getDate', 'timestamp_to_day_of_month_1_based', ({ day }) => day),
  simple('getDayOfWeek', 'timestamp_to_day_of_week', ({ dayOfWeek }) => dayOfWeek),
  simple('getHours', 'timestamp_to_hours', ({ hours }) => hours, ['duration_to_hours', (nanos) => nanos / 3_600_000_000_000n]),
  simple('getMinutes', 'timestamp_to_minutes', ({ minutes }) => minutes, ['duration_to_minutes', (nanos) => nanos / 60_000_000_000n]),
  getter('getSeconds', 'timestamp_to_seconds', 'timestamp_to_seconds_tz', ({ seconds }) => seconds, ['duration_to_seconds', (nanos) => nanos / 1_000_000_000n]),
  simple('getMilliseconds', 'timestamp_to_milliseconds', ({ milliseconds }) => milliseconds, ['duration_to_milliseconds', (nanos) => nanos / 1_000_000n]),
];

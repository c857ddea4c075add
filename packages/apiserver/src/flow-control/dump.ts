import type { HttpResponse } from '@coxswain/host';
import { textResponse } from '../transport/responses.ts';
import type { FlowControl } from './flow-control.ts';
import { maxSeats } from './queue-set.ts';

/** Columns as wide as their longest cell, as Go's tabwriter sets them with these options. */
function table(rows: readonly (readonly string[])[]): HttpResponse {
  const widths = (rows[0] ?? []).map((_cell, column) => Math.max(7, ...rows.map((row) => (row[column] ?? '').length + 1)) + 1);
  const lines = rows.map((row) => row.map((cell, column) => (column === row.length - 1 ? cell : `${cell},`.padEnd(widths[column] as number))).join(''));
  return textResponse(200, `${lines.join('\n')}\n`);
}

function seatSeconds(seatMs: number): string {
  return `${(seatMs / 1000).toFixed(8)}ss`;
}

function priorityLevels(flow: FlowControl): HttpResponse {
  const header = ['PriorityLevelName', 'ActiveQueues', 'IsIdle', 'IsQuiescing', 'WaitingRequests', 'ExecutingRequests', 'DispatchedRequests', 'RejectedRequests', 'TimedoutRequests', 'CancelledRequests'];
  const levels = flow.levels.toSorted((a, b) => (a.spec.name < b.spec.name ? -1 : 1));
  return table([header, ...levels.map(({ spec, queues }) => [
    spec.name, queues.queues.filter((queue) => queue.length > 0).length, queues.idle, false, queues.waiting, queues.executing, queues.dispatched, queues.rejected, queues.timedOut, queues.cancelled,
  ].map(String))]);
}

function queues(flow: FlowControl): HttpResponse {
  const header = ['PriorityLevelName', 'Index', 'PendingRequests', 'ExecutingRequests', 'SeatsInUse', 'NextDispatchR', 'InitialSeatsSum', 'MaxSeatsSum', 'TotalWorkSum'];
  return table([header, ...flow.levels.flatMap((level) => level.queues.queues.map((queue, index) => {
    const waiting = [...queue.waiting];
    return [
      level.spec.name, String(index), String(queue.length), String(queue.executing), String(queue.seatsInUse), seatSeconds(queue.nextStart),
      String(waiting.reduce((sum, one) => sum + one.work.initialSeats, 0)), String(waiting.reduce((sum, one) => sum + maxSeats(one.work), 0)), seatSeconds(queue.workWaiting),
    ];
  }))]);
}

/** Those that wait: who is being served is not kept. */
function requests(flow: FlowControl): HttpResponse {
  const header = ['PriorityLevelName', 'FlowSchemaName', 'QueueIndex', 'RequestIndexInQueue', 'FlowDistingsher', 'ArriveTime', 'InitialSeats', 'FinalSeats', 'AdditionalLatency', 'StartTime'];
  return table([header, ...flow.levels.flatMap((level) => level.queues.queues.flatMap((queue, index) => [...queue.waiting].map((one, place) => [
    level.spec.name, one.schema, String(index), String(place), one.distinguisher, new Date(one.arrivedMs).toISOString(), String(one.work.initialSeats), String(one.work.finalSeats), `${one.work.lingerMs}ms`, '0001-01-01T00:00:00Z',
  ])))]);
}

/** Below `/debug/api_priority_and_fairness/`. */
export const dumps: Readonly<Record<string, (flow: FlowControl) => HttpResponse>> = { dump_priority_levels: priorityLevels, dump_queues: queues, dump_requests: requests };

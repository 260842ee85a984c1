/**
 * What a run would cost on the platform: the service's own counts of rows and calls, from its /metrics, times the
 * platform's list prices in USD.
 */

/**
 * USD per row written, per call of an object, per request of a worker. Stored bytes and duration are not included.
 */
const ROW_WRITTEN_USD = 1e-6;
const OBJECT_CALL_USD = 0.15e-6;
const WORKER_REQUEST_USD = 0.3e-6;

export interface Usage {
  /** By the partitions of one topic. */
  readonly rowsWritten: number;
  /** Read when objects wake up; later reads are not counted. */
  readonly wakeRowsRead: number;
  /** To partitions of all topics by the worker, and by the topic's replicas to each other. */
  readonly objectCalls: number;
  /** Of the worker, of any kind. */
  readonly requests: number;
}

export function usd(usage: Usage): number {
  return (
    usage.rowsWritten * ROW_WRITTEN_USD +
    usage.objectCalls * OBJECT_CALL_USD +
    usage.requests * WORKER_REQUEST_USD
  );
}

/**
 * The counters of a topic since its objects woke up. Reading them costs a call to each of the topic's replicas and a
 * request, which the next reading contains: see {@link usageBetween}.
 */
export async function readUsage(
  url: string,
  topic: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Usage> {
  const answer = await fetch(`${url}/metrics?topic=${topic}`, { headers });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`GET /metrics answers ${answer.status}: ${text}`);
  const sum = (name: string, label: string): number =>
    text
      .split("\n")
      .filter((line) => line.startsWith(`${name}{`) && line.includes(label))
      .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(" "))), 0);
  const ofTopic = `topic="${topic}"`;
  return {
    rowsWritten: sum("odradek_rows_written", ofTopic),
    wakeRowsRead: sum("odradek_wake_rows_read", ofTopic),
    objectCalls:
      sum("odradek_object_calls_total", 'object="partition"') + sum("odradek_peer_calls", ofTopic),
    requests: sum("odradek_requests_total", ""),
  };
}

/** The difference between two readings, less the first one's own request and its calls to `replicas`. */
export function usageBetween(before: Usage, after: Usage, replicas: number): Usage {
  return {
    rowsWritten: after.rowsWritten - before.rowsWritten,
    wakeRowsRead: after.wakeRowsRead,
    objectCalls: after.objectCalls - before.objectCalls - replicas,
    requests: after.requests - before.requests - 1,
  };
}

/**
 * The guides at the head of the page, with commands that work as they stand, in this order. Backquotes in texts mark
 * code.
 */
import { CLUSTER, curlText, ORIGIN, type ExampleRequest } from "./curl.ts";

export interface Guide {
  readonly id: string;
  readonly title: string;
  readonly parts: readonly Part[];
}

/** A paragraph, and the request that it speaks of. */
interface Part {
  readonly text: string;
  readonly request?: ExampleRequest;
  /** Shown instead of the request's own command, where it needs other options. */
  readonly command?: string;
}

const C = `/v3/clusters/${CLUSTER}`;
const TOPICS = `${C}/topics`;
const PARTITION = `${TOPICS}/flights/partitions/0`;
const INSTANCE = "/consumers/delays/instances/reader-1";
const JSON_TYPE = "application/json";

const get = (path: string): ExampleRequest => ({
  method: "GET",
  url: ORIGIN + path,
  contentType: null,
  body: null,
});

const send = (method: string, path: string, json?: unknown): ExampleRequest => ({
  method,
  url: ORIGIN + path,
  contentType: json === undefined ? null : JSON_TYPE,
  body: json === undefined ? null : JSON.stringify(json),
});

const record = {
  partition_id: 0,
  key: { type: "STRING", data: "JFK" },
  value: { type: "JSON", data: { to: "LHR" } },
};

export const GUIDES: readonly Guide[] = [
  {
    id: "guide-getting-in",
    title: "Getting in",
    parts: [
      {
        text: "Where keys are configured, every request but `GET /healthz` carries one: `Authorization: Bearer <key>`, or HTTP Basic with the key as password. A WebSocket of a browser, which can set no header, offers the subprotocols `odradek` and `bearer.<key>`. Keys never go into a URL.",
      },
    ],
  },
  {
    id: "guide-first-steps",
    title: "First steps",
    parts: [
      {
        text: "A topic is a log in partitions; a partition keeps the order of its records, and gives each an offset.",
        request: send("POST", TOPICS, { topic_name: "flights", partitions_count: 3 }),
      },
      {
        text: "A record has a value and may have a key: records of one key go to one partition, the same that Kafka's own clients choose. Here the partition is named.",
        request: send("POST", `${TOPICS}/flights/records`, record),
      },
      {
        text: "Read from any offset, again and again: reading takes nothing away. `X-Next-Offset` says where to go on; with `timeout` the answer waits for records.",
        request: get(`${PARTITION}/records?offset=earliest`),
      },
      {
        text: "Or stay: as server-sent events, which a browser's EventSource resumes by itself, or over a WebSocket at the same path.",
        command: curlText(get(`${PARTITION}/records?offset=earliest`)).replace(
          "curl ",
          "curl -N -H 'accept: text/event-stream' ",
        ),
      },
    ],
  },
  {
    id: "guide-exactly-once",
    title: "Writing once",
    parts: [
      {
        text: "A request that times out may have been written. So that its repeat is not written again, a producer takes an id and numbers its requests.",
        request: send("POST", `${C}/producer-ids`),
      },
      {
        text: "All records of this request are written together or none is. Sent again with the same `Producer-Id`, `Producer-Epoch` and `Producer-Seq` it is answered with the first offsets and `duplicate: true`; the next request's number is higher by the records of this one.",
        request: send("POST", `${PARTITION}/records:batch`, {
          records: [{ value: { type: "STRING", data: "gate 7" } }],
        }),
      },
    ],
  },
  {
    id: "guide-groups",
    title: "Sharing the work",
    parts: [
      {
        text: "The members of a group share the partitions of topics, and the group remembers how far they have come. Over HTTP a member is an instance; its state is with the group, so any location serves it.",
        request: send("POST", "/consumers/delays", {
          name: "reader-1",
          format: "json",
          "auto.offset.reset": "earliest",
        }),
      },
      {
        text: "It subscribes to topics …",
        request: send("POST", `${INSTANCE}/subscription`, { topics: ["flights"] }),
      },
      {
        text: "… and polls. Each poll also says that it is alive.",
        request: get(`${INSTANCE}/records`),
      },
      {
        text: "What was processed is committed: without a body all that polls have delivered.",
        request: send("POST", `${INSTANCE}/offsets`),
      },
      {
        text: "How far the group is behind, whether or not anybody is there:",
        request: get(`${C}/consumer-groups/delays/lags`),
      },
      {
        text: "An instance that is closed leaves its partitions to the others at once.",
        request: send("DELETE", INSTANCE),
      },
    ],
  },
  {
    id: "guide-replicas",
    title: "Replicas",
    parts: [
      {
        text: "One replica survives the loss of a data centre, since storage is written to several. Three survive the loss of a region, and readers are served by the nearest. With `min.insync.replicas` 2 nothing is acknowledged that only one of them has.",
        request: send("POST", TOPICS, {
          topic_name: "orders",
          replication_factor: 3,
          configs: [{ name: "min.insync.replicas", value: "2" }],
        }),
      },
      {
        text: "Who leads, who is in sync, and how far each replica is:",
        request: get(`${TOPICS}/orders/partitions?offsets=true`),
      },
      {
        text: "A lost leader is replaced when the first request does not reach it. A region that is known to be in trouble is taken out of service at once, and put back with `:unfence`.",
        request: send("POST", `${C}/brokers/3:fence`),
      },
      {
        text: "Its replicas catch up by themselves.",
        request: send("POST", `${C}/brokers/3:unfence`),
      },
    ],
  },
  {
    id: "guide-failures",
    title: "When a request fails",
    parts: [
      {
        text: 'Every error is `{"error_code": n, "message": "…"}` with a row in the table of errors below, which says whether the same request may succeed later. 429 and 503 carry `Retry-After`. A write whose outcome is not known says so: repeat it as above.',
      },
    ],
  },
];

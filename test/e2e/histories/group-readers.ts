/**
 * Members of groups, over HTTP and of kafkajs. Each commits behind what it has processed. A group is done when
 * everything that lies in its topics was given to one of its members and is committed.
 */
import { setTimeout as sleep } from "node:timers/promises";
import kafkajs, { type Consumer, type LogEntry } from "kafkajs";
import { Answer, CLUSTER, type Asked } from "../support/client.ts";
import { attempt } from "../support/live-clients.ts";
import type { LiveHistory } from "../support/live-history.ts";
import type { Activity } from "./clients.ts";
import { causesOf } from "./library-senders.ts";
import { GroupHistory } from "../support/reader-history.ts";
import { count, type World } from "./world.ts";

const { Kafka, logLevel } = kafkajs;

const PAUSE_MS = 50;
const SESSION_MS = 6_000;
const POLL_MS = 500;
const METADATA_AGE_MS = 2_000;
/**
 * A member of kafkajs may still process records that it has fetched after it has lost the partition, so that they
 * follow the new owner's commits; but no longer than this.
 */
const STALE_MEMBER_MS = 10_000;
/** A fetcher that is told to stop asks once or twice more. */
const SPINNING_TURNS = 1_000;
const V2 = "application/vnd.kafka.v2+json";
const BINARY = "application/vnd.kafka.binary.v2+json";

/** One group, for all partitions of its topics. */
export class Group {
  readonly name: string;
  readonly #world: World;
  readonly #topics: readonly string[];
  readonly #histories = new Map<LiveHistory, GroupHistory>();

  constructor(world: World, name: string, topics: readonly string[]) {
    this.#world = world;
    this.name = name;
    this.#topics = topics;
  }

  get topics(): readonly string[] {
    return this.#topics;
  }

  of(topic: string, partition: number): GroupHistory {
    const found = this.#world.histories.find(
      ({ place }) => place.topic === topic && place.partition === partition,
    );
    if (!found) throw new Error(`${this.name}: given ${topic}/${partition}, which is not there`);
    const known = this.#histories.get(found) ?? new GroupHistory(found, this.name);
    this.#histories.set(found, known);
    return known;
  }

  get all(): GroupHistory[] {
    return this.#world.histories
      .filter(({ place }) => this.#topics.includes(place.topic))
      .map(({ place }) => this.of(place.topic, place.partition));
  }

  /** What is left, for messages; null: nothing. */
  get left(): string | null {
    const one = this.all.find(({ history, givenEnd }) => givenEnd < history.visibleEnd);
    return one ? `${one.name}: given up to ${one.givenEnd} of ${one.history.visibleEnd}` : null;
  }

  get isDone(): boolean {
    const { live, isSettled } = this.#world;
    return live.isOver || (isSettled && this.left === null);
  }
}

interface Given {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly value: string;
}

/** One instance over HTTP, created anew whenever it is gone. */
export async function consumeOverHttp(world: World, group: Group, name: string): Promise<void> {
  const path = `/consumers/${group.name}/instances/${name}`;
  while (!group.isDone) {
    if (await enter(world, group, name)) await poll(world, group, name, path);
    else await sleep(PAUSE_MS);
  }
  await post(world, path, {}, "DELETE");
}

async function enter(world: World, group: Group, name: string): Promise<boolean> {
  const settings = {
    name,
    format: "binary",
    "auto.offset.reset": "earliest",
    "auto.commit.enable": "false",
    "session.timeout.ms": String(SESSION_MS),
  };
  const created = await post(world, `/consumers/${group.name}`, settings);
  // 409: it exists already, from a try whose answer was lost.
  if (created?.status !== 200 && created?.status !== 409) return false;
  const path = `/consumers/${group.name}/instances/${name}/subscription`;
  return (await post(world, path, { topics: group.topics }))?.status === 204;
}

/** Until the instance is gone, or everything was given. */
async function poll(world: World, group: Group, name: string, path: string): Promise<void> {
  for (let received = ""; !group.isDone;) {
    const committed = new Map(group.all.map((one) => [one, one.committed(performance.now())]));
    const answer = await ask(world, `${path}/records?timeout=${POLL_MS}&max_bytes=50000`, {
      headers: { accept: BINARY, "last-poll-id": received },
    });
    if (answer?.status === 404) return;
    if (answer?.status !== 200) {
      if (answer !== null && answer.status < 500 && answer.status !== 409) {
        throw new Error(`${path}: ${answer.status} ${answer.text}`);
      }
      await sleep(PAUSE_MS);
      continue;
    }
    received = answer.header("x-poll-id") ?? "";
    const records = answer.json<readonly Given[]>();
    for (const { topic, partition, offset, value } of records) {
      const one = group.of(topic, partition);
      one.give(offset, Buffer.from(value, "base64").toString(), committed.get(one) ?? 0, name);
    }
    count(world.totals, "read: instances", records.length);
    if (records.length > 0) {
      await commit(world, group, path, records, answer.header("x-generation") ?? "");
    }
  }
}

async function commit(
  world: World,
  group: Group,
  path: string,
  records: readonly Given[],
  generation: string,
): Promise<void> {
  const last = new Map(records.map((record) => [group.of(record.topic, record.partition), record]));
  const offsets = [...last.values()].map(({ topic, partition, offset }) => ({
    ...{ topic, partition, offset },
  }));
  const answer = await post(world, `${path}/offsets?generation=${generation}`, { offsets });
  if (answer === null || answer.status >= 300) return;
  for (const [one, { offset }] of last) one.commit(offset + 1, performance.now());
  count(world.totals, "commits: instances");
}

/**
 * Errors after which kafkajs gives up although there was merely no answer for a while: an application would start
 * again then.
 */
const NOBODY_ANSWERED =
  /^KafkaJS(GroupCoordinatorNotFound|Connection\w*Error|BrokerNotFound|NumberOfRetriesExceeded|RequestTimeoutError)$/;

/** One member of kafkajs, and another one whenever that has given up. */
export async function consumeByKafkajs(
  world: World,
  group: Group,
  name: string,
  activity: Activity,
): Promise<void> {
  while (!group.isDone) {
    await kafkajsMember(world, group, name, activity).catch((error: unknown) => {
      if (!causesOf(error).some(({ name: own }) => NOBODY_ANSWERED.test(own))) throw error;
      count(world.totals, "members of kafkajs that gave up");
    });
  }
}

async function kafkajsMember(
  world: World,
  group: Group,
  name: string,
  activity: Activity,
): Promise<void> {
  activity.is("connects");
  const kafka = new Kafka({
    brokers: [world.kafka],
    clientId: name,
    logLevel: logLevel.DEBUG,
    logCreator: endsSpinning,
    requestTimeout: 30_000,
    retry: { retries: 200, initialRetryTime: 50, maxRetryTime: 500 },
  });
  const consumer = kafka.consumer({
    groupId: group.name,
    sessionTimeout: SESSION_MS,
    heartbeatInterval: SESSION_MS / 6,
    maxWaitTimeInMs: POLL_MS,
    metadataMaxAge: METADATA_AGE_MS,
  });
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) failed.reject(payload.error);
  });
  consumer.on(consumer.events.COMMIT_OFFSETS, ({ payload }) => {
    count(world.totals, "commits: kafkajs");
    for (const { topic, partitions } of payload.topics) {
      for (const { partition, offset } of partitions) {
        try {
          group.of(topic, Number(partition)).commit(Number(offset), performance.now());
        } catch (error) {
          failed.reject(error as Error);
        }
      }
    }
  });
  await consumer.connect();
  activity.is("reads");
  try {
    await follow(consumer, world, group, name, failed);
  } finally {
    activity.is("disconnects");
    await consumer.disconnect();
  }
}

/**
 * Logs nothing, and ends a loop of kafkajs. When the brokers change while a consumer stops, its new fetchers are
 * told by nobody to stop: each asks a runner that has stopped, which answers without waiting, again and again, and
 * no timer of the process ever fires. All that the loop passes on its way is this log; what it throws ends it.
 */
function endsSpinning(): (entry: LogEntry) => void {
  let turns = 0;
  return ({ level, log }) => {
    if (level !== logLevel.DEBUG || log.message !== "consumer not running, exiting") return;
    turns += 1;
    if (turns > SPINNING_TURNS) throw new Error("the fetcher of a consumer that has stopped");
  };
}

async function follow(
  consumer: Consumer,
  world: World,
  group: Group,
  name: string,
  failed: PromiseWithResolvers<never>,
): Promise<void> {
  await consumer.subscribe({ topics: [...group.topics], fromBeginning: true });
  await consumer.run({
    autoCommitInterval: 200,
    eachBatch: async ({ batch, resolveOffset, commitOffsetsIfNecessary, heartbeat }) => {
      try {
        const one = group.of(batch.topic, batch.partition);
        const committed = one.committed(performance.now(), STALE_MEMBER_MS);
        for (const { offset, value } of batch.messages) {
          one.give(Number(offset), value!.toString(), committed, name);
          resolveOffset(offset);
        }
        count(world.totals, "read: kafkajs", batch.messages.length);
      } catch (error) {
        failed.reject(error as Error);
        throw error;
      }
      await commitOffsetsIfNecessary();
      await heartbeat();
    },
  });
  while (!group.isDone) await Promise.race([sleep(PAUSE_MS), failed.promise]);
}

/** Asks where groups are: an offset that was committed is not told lower. */
export async function askGroups(world: World, groups: readonly Group[]): Promise<void> {
  while (!world.live.isOver) {
    for (const group of groups) {
      const committed = group.all.map((one) => [one, one.committed(performance.now())] as const);
      const path = `${CLUSTER}/consumer-groups/${group.name}/lags`;
      const answer = await ask(world, path, {});
      if (answer?.status !== 200) continue;
      const lags = answer.json<{ data: Lag[] }>().data;
      for (const [one, offset] of committed) {
        const { topic, partition } = one.history.place;
        const told = lags.find(
          ({ topic_name, partition_id }) => topic_name === topic && partition_id === partition,
        );
        if (offset > 0) one.told(told?.current_offset ?? 0, offset);
      }
      count(world.totals, "offsets of groups asked for");
    }
    await sleep(4 * PAUSE_MS);
  }
}

interface Lag {
  readonly topic_name: string;
  readonly partition_id: number;
  readonly current_offset: number | null;
}

/** Null where no answer came. */
async function ask({ live }: World, path: string, asked: Asked): Promise<Answer | null> {
  const answer = await attempt(() => live.client.ask(path, asked));
  return answer instanceof Answer ? answer : null;
}

function post(
  world: World,
  path: string,
  body: object,
  method: "POST" | "DELETE" = "POST",
): Promise<Answer | null> {
  const headers = { "content-type": V2 };
  return ask(world, path, { method, headers, body: JSON.stringify(body) });
}

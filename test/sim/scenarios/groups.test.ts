/** Failures known from other implementations of consumer groups, scheduled by hand. */
import { expect, test } from "vitest";
import type { Cell } from "../cell.ts";
import { Partitions } from "../groups/partitions.ts";
import { Stage } from "./stage.ts";
import type { Committed, FetchedOffsets } from "../../../src/objects/contracts/offsets.ts";
import type { InstanceSpec, PollPlan } from "../../../src/objects/contracts/instances.ts";
import type { JoinedGroup } from "../../../src/objects/contracts/members.ts";

const PLACE = 2;
const AT = { topic: "orders", partition: 0 };
const offsetOf = (offset: number) => [{ ...AT, offset, leaderEpoch: -1, metadata: "" }];

/** A call's outcome; `answer` is undefined until there is one. */
function sent<A>(stage: Stage, group: Cell, method: string, argument: unknown) {
  const call: { answer: A | null | undefined } = { answer: undefined };
  void stage.call(group, method, argument).then((answer) => (call.answer = answer as A | null));
  return call;
}

async function asked<A>(stage: Stage, group: Cell, method: string, ...args: readonly unknown[]) {
  return (await stage.until(stage.call(group, method, ...args))) as A;
}

async function committed(stage: Stage, group: Cell): Promise<number> {
  const { offsets } = await asked<FetchedOffsets>(stage, group, "fetchOffsets", [AT]);
  return offsets[0]!.offset;
}

/** A group with one member of Kafka's protocol, in its first generation. */
async function withMember(stage: Stage) {
  const group = stage.cluster.group("g", PLACE);
  const joined = await asked<JoinedGroup>(stage, group, "joinGroup", {
    ...{ memberId: "", groupInstanceId: null, clientId: "c", clientHost: "" },
    ...{ sessionTimeoutMs: 300_000, rebalanceTimeoutMs: 30_000, protocolType: "consumer" },
    protocols: [{ name: "range", metadata: new Uint8Array(0) }],
    requireKnownMemberId: false,
  });
  const { memberId, generationId } = joined;
  const member = { memberId, groupInstanceId: null, generationId };
  const assignments = [{ memberId, assignment: new Uint8Array(0) }];
  const sync = { ...member, protocolType: null, protocolName: null, assignments };
  expect(await asked(stage, group, "syncGroup", sync)).toMatchObject({ ok: true });
  return { group, member };
}

test("KAFKA-20634: a coordinator that was deposed does not acknowledge a commit that is lost with it", async () => {
  const stage = await Stage.open({ replicationFactor: 1 });
  const { group, member } = await withMember(stage);
  const first = { ...member, offsets: offsetOf(5) };
  expect(await asked(stage, group, "commitOffsets", first)).toEqual({ ok: true, errors: [null] });
  const commit = sent<Committed>(stage, group, "commitOffsets", {
    ...member,
    offsets: offsetOf(9),
  });
  // The commit is written and not durable yet when another instance of the object takes over; this one runs on.
  await stage.wait(() => group.disk.isDirty);
  group.supersede("lost", 60_000);
  expect(await committed(stage, group)).toBe(5);
  // The deposed instance's output gate never opens again: the caller gets no answer.
  await stage.sleep(90_000);
  expect(commit.answer ?? null).toBeNull();
  // The member goes on in the same generation, from the group's committed offset.
  const again = { ...member, offsets: offsetOf(7) };
  expect(await asked(stage, group, "commitOffsets", again)).toEqual({ ok: true, errors: [null] });
  expect(await committed(stage, group)).toBe(7);
});

test("KAFKA-20634: a commit that outlives its coordinator is there, and was not acknowledged by the deposed one", async () => {
  const stage = await Stage.open({ replicationFactor: 1 });
  const { group, member } = await withMember(stage);
  const commit = sent<Committed>(stage, group, "commitOffsets", {
    ...member,
    offsets: offsetOf(9),
  });
  await stage.wait(() => group.disk.isDirty);
  group.supersede("kept", 60_000);
  expect(await committed(stage, group)).toBe(9);
  await stage.sleep(90_000);
  expect(commit.answer ?? null).toBeNull();
});

test("KAFKA-20634: what a deposed coordinator was still about to commit, it cannot", async () => {
  const stage = await Stage.open({ replicationFactor: 1 });
  const group = stage.cluster.group("g", PLACE);
  const answers: (() => void)[] = [];
  const letGo = stage.rule(({ leg, method }) =>
    leg === "reply" && method === "registerGroup" ? { hold: (go) => answers.push(go) } : undefined,
  );
  // The group is new: the commit waits for its registration at the controller.
  const nobody = { memberId: "", groupInstanceId: null, generationId: -1 };
  const late = sent<Committed>(stage, group, "commitOffsets", { ...nobody, offsets: offsetOf(9) });
  await stage.wait(() => answers.length > 0);
  group.supersede("lost", 60_000);
  letGo();
  const set = await asked(stage, group, "setOffsets", offsetOf(3));
  expect(set).toEqual({ ok: true, errors: [null] });
  for (const go of answers) go();
  await stage.wait(() => late.answer !== undefined);
  expect(late.answer).toBeNull();
  expect(await committed(stage, group)).toBe(3);
});

const SPEC: InstanceSpec = {
  ...{ name: "i", format: "json", offsetReset: "latest", autoCommit: false },
  ...{ autoCommitIntervalMs: 5_000, fetchMinBytes: 1, requestTimeoutMs: 1_000 },
  ...{ sessionTimeoutMs: 30_000, maxPollIntervalMs: 300_000, maxPollRecords: 500 },
  ...{ assignors: ["cooperative-sticky"], isolation: "read_uncommitted" },
  ...{ clientId: "c", clientHost: "" },
};

/** Polls until the plan has as many partitions. */
async function planned(stage: Stage, group: Cell, partitions: number): Promise<PollPlan> {
  for (let i = 0; i < 60; i++) {
    const plan = await asked<PollPlan>(stage, group, "poll", { instanceId: "i", waitMs: 500 });
    if (plan.ok && plan.partitions.length === partitions) return plan;
    await stage.sleep(500);
  }
  throw new Error(`there is no plan of ${partitions} partitions`);
}

const beginnings = ({ partitions }: PollPlan) =>
  partitions
    .map(({ topic, partition, position, reset }) => [topic, partition, position, reset])
    .toSorted();

test.for([
  ["an object that stays awake", () => {}],
  ["an object that has lost its memory", (group: Cell) => group.reset("lost")],
] as const)(
  "KAFKA-20035: with `latest`, partitions and topics that come later are read from their first record: %s",
  async ([, meanwhile]) => {
    const stage = await Stage.open({ replicationFactor: 1 });
    const partitions = new Partitions(stage.cluster, "writer", 9);
    await stage.until(partitions.append("orders", 0, ["before the group", "also before"]));
    const group = stage.cluster.group("g", PLACE);
    expect(await asked(stage, group, "createInstance", SPEC)).toMatchObject({ ok: true });
    await stage.until(stage.call(group, "subscribe", "i", { by: "pattern", pattern: "orders.*" }));
    const plan = await planned(stage, group, 1);
    expect(beginnings(plan)).toEqual([["orders", 0, null, "latest"]]);
    const [{ topicId }] = plan.partitions as [PollPlan["partitions"][0]];
    const { generationId } = plan;
    const offsets = [{ ...AT, topicId, offset: 2 }];
    const request = { instanceId: "i", generationId, offsets };
    expect(await asked(stage, group, "resolve", request)).toEqual({ ok: true });

    // The partition has records before the group learns of it.
    await stage.control("createPartitions", "orders", 2);
    await stage.control("createTopic", { topic: "orders-eu", partitions: 1, replicationFactor: 1 });
    await stage.sleep(20_000);
    await stage.until(partitions.append("orders", 1, ["first of the partition"]));
    await stage.until(partitions.append("orders-eu", 0, ["first of the topic"]));
    meanwhile(group);
    expect(beginnings(await planned(stage, group, 3))).toEqual([
      ["orders", 0, 2, "latest"],
      ["orders", 1, null, "earliest"],
      ["orders-eu", 0, null, "earliest"],
    ]);
    expect(await stage.until(partitions.read("orders", 1, 0))).toEqual([0]);
    expect(await stage.until(partitions.read("orders-eu", 0, 0))).toEqual([0]);
  },
);

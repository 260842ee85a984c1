/**
 * What happens to the service in a round, each fault with its end: when `strike` is over, everything runs and no
 * broker is out of service. Moves and elections continue by themselves. Operators talk to the service directly.
 */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { changeBroker, electPreferred, reassign, type Place } from "../support/brokers.ts";
import { Client, eventually, topicPath } from "../support/client.ts";
import { processTree } from "../support/processes.ts";
import type { Relay } from "../support/relay.ts";
import type { Service } from "../support/service.ts";
import { count, type World } from "./world.ts";

/** The longest time that the runtime stands still, in ms. */
const STOP_MS_MAX = 20_000;
const STOP_MS_SHORT = 3_000;
const FENCE_MS_MAX = 2_500;
const OPERATOR_MS = 60_000;
const REPLICAS = 3;

export interface Scene {
  readonly world: World;
  readonly service: Service;
  /** To the service itself, another one after each restart. */
  operator: Client;
  readonly relays: readonly Relay[];
  readonly brokers: readonly number[];
  /** Places that may move, with where they are to be now. */
  readonly moved: Map<Place, readonly number[]>;
  readonly random: () => number;
  /** Adds a partition to the topic that grows; false when it has enough. */
  readonly grow: () => Promise<boolean>;
  /** There is one stop beyond {@link STOP_MS_SHORT} in a round. */
  hasStoppedLong: boolean;
}

const WEIGHTS = { kill: 3, stop: 3, fence: 3, fenceTwo: 2, cut: 4, move: 2, grow: 1, elect: 1 };

export type FaultName = keyof typeof WEIGHTS;

const FAULTS: Readonly<Record<FaultName, (scene: Scene, msLeft: number) => Promise<string>>> = {
  async kill(scene) {
    await scene.service.kill();
    await sleep(below(scene, 500));
    await scene.service.restart();
    const { operator } = scene;
    scene.operator = new Client(scene.service.url);
    await operator.close();
    return "killed and started again";
  },

  async stop(scene, msLeft) {
    const isLong = !scene.hasStoppedLong && scene.random() < 0.5;
    if (isLong) scene.hasStoppedLong = true;
    const longMs = Math.max(STOP_MS_SHORT, Math.min(STOP_MS_MAX, msLeft / 2));
    const ms = below(scene, isLong ? longMs : STOP_MS_SHORT);
    const pids = runtimesOf(scene.service);
    for (const pid of pids) process.kill(pid, "SIGSTOP");
    try {
      await sleep(ms);
    } finally {
      for (const pid of pids) process.kill(pid, "SIGCONT");
    }
    return `stopped for ${ms} ms`;
  },

  async fence(scene) {
    const [broker] = shuffled(scene);
    await fenced(scene, [broker!]);
    return `broker ${broker} fenced`;
  },

  async fenceTwo(scene) {
    const two = shuffled(scene).slice(0, 2);
    await fenced(scene, two);
    return `brokers ${two.join(", ")} fenced`;
  },

  async cut(scene) {
    const turns = 1 + below(scene, 4);
    for (let turn = 0; turn < turns; turn++) {
      for (const relay of scene.relays) relay.cut();
      await sleep(below(scene, 200));
    }
    return `connections reset ${turns} times`;
  },

  async move(scene) {
    const places = [...scene.moved.keys()];
    const place = places[below(scene, places.length)]!;
    const brokers = shuffled(scene).slice(0, REPLICAS);
    scene.moved.set(place, brokers);
    await operate(`a move of ${place.topic}`, () => reassign(scene.operator, place, brokers));
    return `${place.topic}/${place.partition} to ${brokers.join(", ")}`;
  },

  async grow(scene) {
    return (await scene.grow()) ? "one partition more" : "no further partition";
  },

  async elect(scene) {
    const histories = scene.world.histories;
    const { place } = histories[below(scene, histories.length)]!;
    const isElected = await electPreferred(scene.operator, place).catch(() => false);
    return `${place.topic}/${place.partition}: preferred ${isElected ? "" : "not "}elected`;
  },
};

/** Makes one fault from its beginning to its end, within `msLeft` or soon after. */
export async function strike(scene: Scene, name: FaultName, msLeft: number): Promise<void> {
  scene.world.log(`${name} …`);
  scene.world.log(`${name}: ${await FAULTS[name](scene, msLeft)}`);
  count(scene.world.totals, `faults: ${name}`);
}

/** Adds partitions to a topic; `total` is how many there are then. */
export function addPartitions(scene: Scene, topic: string, total: number): Promise<void> {
  return operate(`${topic} with ${total} partitions`, async () => {
    // The answer to an earlier try may have been lost.
    const found = await scene.operator.get<{ partitions_count: number }>(topicPath(topic));
    if (found.partitions_count >= total) return;
    const answer = await scene.operator.ask(topicPath(topic), {
      method: "PATCH",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ partitions_count: total }),
    });
    if (answer.status >= 300) throw new Error(`${answer.status} ${answer.text}`);
  });
}

async function fenced(scene: Scene, brokers: readonly number[]): Promise<void> {
  try {
    for (const id of brokers) {
      await operate(`fence ${id}`, () => changeBroker(scene.operator, id, "fence"));
      await sleep(below(scene, FENCE_MS_MAX));
    }
  } finally {
    for (const id of brokers) {
      await operate(`unfence ${id}`, () => changeBroker(scene.operator, id, "unfence"));
      await sleep(below(scene, 500));
    }
  }
}

/** An operator tries again until it is done. */
async function operate(what: string, work: () => Promise<void>): Promise<void> {
  let last: unknown;
  const done = async (): Promise<true | undefined> => {
    try {
      await work();
      return true;
    } catch (error) {
      last = error;
      return undefined;
    }
  };
  await eventually(what, done, OPERATOR_MS).catch((error: unknown) => {
    throw new Error(`${String(error)}: ${String(last)}`);
  });
}

/** The processes in which objects run: below the one that was started here. */
function runtimesOf({ pid }: Service): number[] {
  const found = processTree(pid).filter(
    (id) => readFileSync(`/proc/${id}/comm`, "utf8").trim() === "workerd",
  );
  if (found.length === 0) throw new Error("no runtime was found below the service");
  return found;
}

/** By weight. */
export function drawn({ random }: Scene): FaultName {
  const weights = Object.entries(WEIGHTS) as [FaultName, number][];
  let left = random() * weights.reduce((total, [, weight]) => total + weight, 0);
  return (weights.find(([, weight]) => (left -= weight) < 0) ?? weights[0]!)[0];
}

function below({ random }: Pick<Scene, "random">, bound: number): number {
  return Math.floor(random() * bound);
}

function shuffled({ random, brokers }: Scene): number[] {
  return brokers
    .map((id) => ({ id, dice: random() }))
    .sort((a, b) => a.dice - b.dice)
    .map(({ id }) => id);
}

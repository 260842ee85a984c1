/**
 * The demo of a consumer group: three consumers share the flights, one is killed, its partitions move to the others,
 * the lag rises and falls to zero; then every record is looked for among those processed.
 */
import { setTimeout as sleep } from "node:timers/promises";
import {
  asked,
  clusterUrl,
  createTopic,
  deleteTopic,
  produce,
  type Delivered,
  type Target,
} from "./api.ts";
import { DATA_SET, readFlights, type NumberedFlight } from "./flights.ts";
import { GroupReader } from "./group-reader.ts";
import { print, printProblems } from "./print.ts";

const PARTITIONS = 6;
const NAMES = ["one", "two", "three"] as const;
const VICTIM = 1;
/** When the consumer is killed, as a share of the records to produce. */
const KILLED_AT = 0.35;
const RECORDS_PER_REQUEST = 500;
const PAUSE_MS = 200;
const LOOK_MS = 250;
const END_WAIT_MS = 120_000;
const LAG_COLUMNS = 30;

/** Whether every record was processed. Throws when the signal comes; the topic is deleted then too. */
export async function demonstrateGroup(
  target: Target,
  keep: boolean,
  signal: AbortSignal,
): Promise<boolean> {
  const cluster = await clusterUrl(target);
  await createTopic(target, cluster, { partitions: PARTITIONS });
  const group = `demo-${target.topic}`;
  print(
    `${NAMES.length} consumers of group ${group} share topic ${target.topic}: ${DATA_SET} of vega-datasets, ${PARTITIONS} partitions.`,
  );
  const story = new Story(target, cluster, group);
  try {
    await story.run(signal);
    return story.conclude();
  } finally {
    await story.end();
    if (!keep) await deleteTopic(target, cluster);
  }
}

class Story {
  readonly #target: Target;
  readonly #groupUrl: string;
  readonly #readers: GroupReader[];
  readonly #produced = new Set<string>();
  readonly #processed = new Map<string, number>();
  readonly #startMs = performance.now();
  #killedMs = 0;
  #lagMax = 0;
  #hasMoved = false;
  #shown = -1;

  constructor(target: Target, cluster: string, group: string) {
    this.#target = target;
    this.#groupUrl = `${cluster}/consumer-groups/${group}`;
    this.#readers = NAMES.map(
      (name) => new GroupReader(target, group, name, (at) => this.#take(at)),
    );
  }

  async run(signal: AbortSignal): Promise<void> {
    for (const reader of this.#readers) await reader.start();
    const flights = readFlights();
    const broken = new AbortController();
    const stopped = AbortSignal.any([signal, broken.signal]);
    const producing = this.#produce(flights, stopped);
    producing.catch((error: unknown) => broken.abort(error));
    let isProduced = false;
    void producing.then(
      () => (isProduced = true),
      () => {},
    );
    let untilMs = Number.POSITIVE_INFINITY;
    for (;;) {
      stopped.throwIfAborted();
      const lag = await this.#look(isProduced);
      if (isProduced && lag === 0) break;
      if (isProduced) untilMs = Math.min(untilMs, performance.now() + END_WAIT_MS);
      if (performance.now() > untilMs) throw new Error("The lag does not fall to zero.");
      await sleep(LOOK_MS, undefined, { signal: stopped });
    }
    await producing;
  }

  conclude(): boolean {
    const missing = [...this.#produced].filter((at) => !this.#processed.has(at));
    const strange = [...this.#processed.keys()].filter((at) => !this.#produced.has(at));
    const times = [...this.#processed.values()].reduce((sum, n) => sum + n, 0);
    const twice = times - this.#processed.size;
    print(`The lag rose to ${number(this.#lagMax)} and fell to zero.`);
    for (const { name, processed } of this.#readers)
      print(`  ${name}: ${number(processed)} processed`);
    if (missing.length + strange.length > 0 || !this.#hasMoved) {
      printProblems([
        ...missing.map((at) => `${at} was not processed`),
        ...strange.map((at) => `${at} was processed, but not produced`),
        ...(this.#hasMoved ? [] : ["the partitions of the one that was killed did not move"]),
      ]);
      return false;
    }
    print(
      `All ${number(this.#produced.size)} records were processed, none skipped; ${twice} of them twice, which the killed one had not committed.`,
    );
    return true;
  }

  /** Removes what is left of the group. */
  async end(): Promise<void> {
    for (const reader of this.#readers) reader.kill();
    const { headers } = this.#target;
    // The group has removed the killed consumer by now, or will by itself.
    const living = this.#readers.filter((_, i) => !this.#hasMoved || i !== VICTIM);
    await Promise.allSettled(living.map((reader) => reader.close()));
    await fetch(this.#groupUrl, { method: "DELETE", headers }).catch(() => {});
  }

  async #produce(flights: readonly NumberedFlight[], signal: AbortSignal): Promise<void> {
    for (let at = 0; at < flights.length; at += RECORDS_PER_REQUEST) {
      signal.throwIfAborted();
      const some = flights.slice(at, at + RECORDS_PER_REQUEST);
      for (const place of await produce(this.#target, some)) this.#produced.add(keyOf(place));
      if (this.#killedMs === 0 && at >= flights.length * KILLED_AT) this.#kill();
      await sleep(PAUSE_MS, undefined, { signal });
    }
  }

  #kill(): void {
    const victim = this.#readers[VICTIM]!;
    this.#killedMs = performance.now();
    victim.kill();
    tell(`Consumer ${victim.name} is killed. It takes no leave.`);
  }

  /** Shows the owners and the lag; returns the lag. */
  async #look(isProduced: boolean): Promise<number> {
    const living = this.#readers.filter((_, i) => this.#killedMs === 0 || i !== VICTIM);
    const shares = await Promise.all(living.map((reader) => reader.partitions()));
    const lag = await this.#lag();
    this.#lagMax = Math.max(this.#lagMax, lag);
    const isWhole = shares.flat().length === PARTITIONS;
    if (this.#killedMs > 0 && isWhole && !this.#hasMoved) {
      this.#hasMoved = true;
      const tookMs = Math.round(performance.now() - this.#killedMs);
      tell(`Its partitions have moved to the others, ${tookMs} ms later.`);
    }
    const second = Math.floor((performance.now() - this.#startMs) / 1_000);
    if (second !== this.#shown || (isProduced && lag === 0)) {
      this.#shown = second;
      const owners = living.map(({ name }, i) => `${name} [${shares[i]!.join(" ")}]`).join("  ");
      const width = Math.ceil((LAG_COLUMNS * lag) / Math.max(1, this.#lagMax));
      tell(
        `${String(second).padStart(3)} s  ${owners.padEnd(44)} lag ${number(lag).padStart(6)} ${"█".repeat(width)}`,
      );
    }
    return lag;
  }

  async #lag(): Promise<number> {
    const { headers } = this.#target;
    const answer = await fetch(`${this.#groupUrl}/lags`, { headers });
    const { data } = (await (await asked(answer)).json()) as { data: { lag: number | null }[] };
    const known = data.filter(({ lag }) => lag !== null).length;
    // Where nothing is committed yet, everything that was produced counts as lag.
    if (known === 0) return this.#produced.size - this.#processed.size;
    return data.reduce((sum, { lag }) => sum + (lag ?? 0), 0);
  }

  #take(record: Delivered): void {
    const key = keyOf(record);
    this.#processed.set(key, (this.#processed.get(key) ?? 0) + 1);
  }
}

const keyOf = ({ partition, offset }: Delivered): string =>
  `partition ${partition}, offset ${offset}`;
const number = (n: number): string => n.toLocaleString("en");

function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}

/**
 * Virtual time. Everything that happens in a simulation is an event of this queue, in the order of
 * (time, insertion); after each event all microtasks run to their end before the next one begins.
 * Nothing in a simulation waits for anything real, so the order depends on the seed alone, and the
 * trace's hash shows that it does.
 */
import { hashText } from "./random.ts";

interface SimEvent {
  readonly atMs: number;
  readonly seq: number;
  readonly run: () => void;
  isCancelled: boolean;
}

/** Turns of the event loop take a fifth of a run when there is one for every event. */
const TURN_EVENTS = 16;

/** What waits for the simulation hears this when it has ended before its time. */
export class RunEnded extends Error {
  override readonly name = "RunEnded";
}

export class Scheduler {
  nowMs = 0;
  events = 0;
  /** Called after each event and all that followed from it at once. */
  afterEvent: () => void = () => {};
  /** Called with every line of the trace; null: lines are only hashed. */
  onTrace: ((line: string) => void) | null = null;
  /** How far a run may go: what is called beyond is to stop it. */
  limits = { events: Infinity, simulatedMs: Infinity, onReached: () => {} };
  #heap: SimEvent[] = [];
  #seq = 0;
  #hashLow = 0x811c9dc5 | 0;
  #hashHigh = 0x01234567;
  #stopped: string | null = null;

  /** Runs `run` once, `delayMs` from now; the returned function cancels. */
  after(delayMs: number, run: () => void): () => void {
    const event = {
      atMs: this.nowMs + Math.max(0, delayMs),
      seq: this.#seq++,
      run,
      isCancelled: false,
    };
    this.#push(event);
    return () => {
      event.isCancelled = true;
    };
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve));
  }

  /** Adds a line to the trace. */
  trace(text: string): void {
    const line = `${this.nowMs} ${text}`;
    this.#hashLow = hashText(line, this.#hashLow);
    this.#hashHigh = hashText(line, this.#hashHigh ^ this.#hashLow);
    this.onTrace?.(line);
  }

  get traceHash(): string {
    return [this.#hashHigh, this.#hashLow]
      .map((half) => (half >>> 0).toString(16).padStart(8, "0"))
      .join("");
  }

  /** No event comes any more, and nobody waits for one. */
  stop(why: string): void {
    this.#stopped ??= why;
  }

  /**
   * Runs events until `untilMs`, or until `isDone` says so after one of them. Throws {@link RunEnded}
   * once the simulation is stopped: a loop around it would else have no end.
   */
  async run(untilMs: number, isDone: () => boolean = () => false): Promise<void> {
    // What was begun before the first event comes first.
    await turn();
    for (;;) {
      const { events, simulatedMs, onReached } = this.limits;
      if (this.events >= events || this.nowMs >= simulatedMs) onReached();
      if (this.#stopped !== null) throw new RunEnded(this.#stopped);
      const event = this.#heap[0];
      if (!event || event.atMs > untilMs) {
        this.nowMs = untilMs;
        return;
      }
      this.#pop();
      if (event.isCancelled) continue;
      this.nowMs = event.atMs;
      this.events += 1;
      event.run();
      await (this.events % TURN_EVENTS === 0 ? turn() : settle());
      this.afterEvent();
      if (isDone() && this.#stopped === null) return;
    }
  }

  #push(event: SimEvent): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: SimEvent, b: SimEvent): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.seq < b.seq);
}

/** The queue of ticks is come to when no microtask is left. */
function settle(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

/** So is the next turn of the event loop, which also finds what was rejected and handled by nobody. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

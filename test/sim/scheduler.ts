/**
 * Virtual time. Everything that happens in a simulation is an event of this queue, in the order of (time, insertion); all
 * microtasks of an event run before the next one begins. Nothing in a simulation waits for anything real, so the order
 * depends on the seed alone, which the hash of the trace shows.
 */
import { hashText } from "./random.ts";

interface SimEvent {
  readonly atMs: number;
  readonly seq: number;
  readonly run: () => void;
  isCancelled: boolean;
}

/** One turn of the event loop for so many events: with one for each, turns take a fifth of a run. */
const TURN_EVENTS = 16;

/** The simulation was stopped. */
export class RunEnded extends Error {
  override readonly name = "RunEnded";
}

export class Scheduler {
  nowMs = 0;
  events = 0;
  /** Called after each event and its microtasks. */
  afterEvent: () => void = () => {};
  /** Called with every line of the trace; null: lines are only hashed. */
  onTrace: ((line: string) => void) | null = null;
  /** How far a run may go; `onReached` is called beyond, and should stop it. */
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

  /** Stops the simulation: no event runs any more. */
  stop(why: string): void {
    this.#stopped ??= why;
  }

  /**
   * Runs events until `untilMs`, or until `isDone` returns true after one of them. Throws {@link RunEnded} once the
   * simulation is stopped, so that loops around it end.
   */
  async run(untilMs: number, isDone: () => boolean = () => false): Promise<void> {
    // Microtasks from before the first event run first.
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

/** Resolves when no microtask is left. */
function settle(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

/** Resolves in the next turn of the event loop, in which unhandled rejections are reported. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

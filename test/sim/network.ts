/**
 * Calls between objects and from clients: each is a request and a reply that may be late, reordered, lost, cut off or
 * delivered twice. Arguments and answers are copied, as over RPC. A scenario may decide about messages itself, with
 * {@link Network.intercept}.
 */
import { CallLost, type Cell, type Instance, type Surroundings } from "./cell.ts";
import type { Random } from "./random.ts";

/** Who calls: from which place (a broker's, or 0 for the controller's), and the instance whose output gate applies. */
export interface Caller {
  readonly place: number;
  readonly name: string;
  readonly instance: Instance | null;
  /** Its calls are never delivered twice. */
  readonly isOnce?: boolean;
}

export interface Message {
  readonly leg: "request" | "reply";
  readonly from: string;
  readonly to: string;
  readonly fromPlace: number;
  readonly toPlace: number;
  readonly method: string;
  /** The arguments, or the answer. */
  readonly body: unknown;
}

/** What a scenario does with a message; `release` delivers one that is held. */
export type Verdict = "pass" | "drop" | { readonly hold: (release: () => void) => void };

export class Network {
  /** Decides about each message before chance does; null leaves it to chance. */
  intercept: ((message: Message) => Verdict) | null = null;
  /** Sees every message that departs. */
  onDeparture: ((message: Message) => void) | null = null;
  /** Calls made so far. */
  calls = 0;
  readonly #world: Surroundings;
  readonly #random: Random;

  constructor(world: Surroundings) {
    this.#world = world;
    this.#random = world.random("network");
  }

  /** Rejects if no answer comes back: whether the call took effect is not known. */
  call(caller: Caller, to: Cell, method: string, args: readonly unknown[]): Promise<unknown> {
    const body = copy(args);
    this.calls += 1;
    return new Promise((resolve, reject) => {
      let isSettled = false;
      const settle = (finish: () => void): void => {
        if (isSettled || caller.instance?.state === "gone") return;
        isSettled = true;
        if (caller.instance) this.#world.touch(caller.instance.cell);
        finish();
      };
      const fail = (error: Error): void => settle(() => reject(error));
      const answer = (value: unknown): void => settle(() => resolve(value));
      const depart = (): void => this.#request(caller, to, method, body, answer, fail);
      if (caller.instance) caller.instance.send(depart);
      else depart();
    });
  }

  #request(
    caller: Caller,
    to: Cell,
    method: string,
    body: readonly unknown[],
    answer: (value: unknown) => void,
    fail: (error: Error) => void,
  ): void {
    const { weather } = this.#world;
    const message: Message = {
      leg: "request",
      from: caller.name,
      to: to.name,
      fromPlace: caller.place,
      toPlace: to.place,
      method,
      body,
    };
    const arrive = (isCopy: boolean): void => {
      this.#world.scheduler.trace(`${isCopy ? "again " : ""}${method} ${caller.name} > ${to.name}`);
      const args = isCopy ? copy(body) : body;
      to.receive(method, args, {
        answer: (value) => {
          if (!isCopy) this.#reply(message, copy(value), answer, fail);
        },
        fail: (error) => {
          if (!isCopy) this.#carry({ ...reply(message), body: error }, () => fail(error), fail);
        },
      });
    };
    this.#carry(message, () => arrive(false), fail);
    if (weather.duplicates > 0 && !caller.isOnce && this.#random.chance(weather.duplicates)) {
      this.#world.count("messages delivered twice");
      this.#carry(
        message,
        () => arrive(true),
        () => {},
      );
    }
  }

  #reply(
    request: Message,
    value: unknown,
    answer: (value: unknown) => void,
    fail: (error: Error) => void,
  ): void {
    const message = { ...reply(request), body: value };
    const arrive = (): void => {
      const { scheduler } = this.#world;
      scheduler.trace(`${message.method} ${message.from} > ${message.to}: ${summary(value)}`);
      answer(value);
    };
    this.#carry(message, arrive, fail);
  }

  /** Carries a request or a reply, which may be late, lost or held. */
  #carry(message: Message, arrive: () => void, fail: (error: Error) => void): void {
    const { scheduler, weather } = this.#world;
    this.onDeparture?.(message);
    const verdict = this.intercept?.(message) ?? "pass";
    if (verdict === "drop") return this.#lose(fail);
    if (typeof verdict === "object") {
      verdict.hold(() => scheduler.after(1, arrive));
      return;
    }
    if (weather.isCut(message.fromPlace, message.toPlace)) {
      this.#world.count("messages cut off");
      return this.#lose(fail);
    }
    if (weather.losses > 0 && this.#random.chance(weather.losses)) {
      this.#world.count("messages lost");
      return this.#lose(fail);
    }
    scheduler.after(weather.latencyMs(this.#random, message.fromPlace, message.toPlace), arrive);
  }

  /** The caller learns it soon, or only when the platform gives up. */
  #lose(fail: (error: Error) => void): void {
    const soon = this.#random.chance(0.6);
    const delayMs = soon ? this.#random.between(5, 1_500) : 30_000;
    this.#world.scheduler.after(delayMs, () => fail(new CallLost("the network lost the call")));
  }
}

function reply(request: Message): Omit<Message, "body"> {
  const { from, to, fromPlace, toPlace, method } = request;
  return { leg: "reply", from: to, to: from, fromPlace: toPlace, toPlace: fromPlace, method };
}

/** An answer in the trace. */
function summary(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  let text = "";
  for (const [name, field] of Object.entries(value)) {
    if (typeof field !== "object" && name !== "message") text += ` ${name}=${String(field)}`;
  }
  return text;
}

/** Copies like structured cloning, for the plain values that calls carry. */
function copy<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array) return value.slice() as T;
  if (Array.isArray(value)) return value.map(copy) as T;
  const plain: Record<string, unknown> = {};
  for (const name of Object.keys(value))
    plain[name] = copy((value as Record<string, unknown>)[name]);
  return plain as T;
}

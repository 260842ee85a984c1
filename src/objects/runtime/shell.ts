/**
 * What every object class stands on: its storage and its alarm, what becomes of what its code throws, and
 * the calls that its rules answer as they are.
 */
import { DurableObject } from "cloudflare:workers";
import type { Refusal } from "../../base/errors.ts";
import type { TimerPort } from "../../base/ports.ts";
import type { Env } from "./env.ts";
import { Failures } from "./failures.ts";
import { DurableAlarm, DurableStorage } from "./storage.ts";
import { platformTimer } from "./time.ts";

export class Shell {
  readonly storage: DurableStorage;
  readonly alarm: DurableAlarm;
  readonly failures: Failures;
  /** Timers that end with the instance: what one of them throws resets the object. */
  readonly timers: TimerPort = {
    after: (delayMs, run) =>
      platformTimer.after(delayMs, () => {
        try {
          run();
        } catch (error) {
          this.failures.broken(error);
        }
      }),
  };
  readonly #ctx: DurableObjectState;

  /**
   * @param object what the log calls it
   * @param refusalOf the answer to a call that has thrown; by default that of the error itself
   */
  constructor(ctx: DurableObjectState, object: string, refusalOf?: (error: unknown) => Refusal) {
    this.#ctx = ctx;
    this.failures = new Failures(ctx, object, refusalOf);
    this.storage = new DurableStorage(ctx.storage);
    this.alarm = new DurableAlarm(ctx.storage);
  }

  /** What the platform bills, since the object woke up. */
  get rows(): { readonly rowsRead: number; readonly rowsWritten: number } {
    const { rowsRead, rowsWritten } = this.storage;
    return { rowsRead, rowsWritten: rowsWritten + this.alarm.rowsWritten };
  }

  /** Work behind an answer. What fails is left to the alarm that stands for it. */
  readonly background = (work: Promise<void>): void => {
    this.#ctx.waitUntil(this.failures.guard(() => work).catch(() => {}));
  };
}

/** Names of calls, every one of a contract: one that is added and not named here does not compile. */
export type CallsOf<Contract> = { readonly [Name in keyof Contract & string]: true };

/** Rules that answer them, at once or later. */
type RulesOf<Contract> = {
  readonly [Name in keyof Contract & string]: (...args: never[]) => unknown;
};

/** How an object class answers a call of its rules. A symbol, because RPC reaches whatever has a name. */
export const ANSWER: unique symbol = Symbol("answer");

interface Answering<Contract> {
  [ANSWER](call: (rules: RulesOf<Contract>) => unknown): Promise<unknown>;
}

type ObjectClass<Contract> = abstract new (
  ctx: DurableObjectState,
  env: Env,
) => DurableObject<Env> & Contract & Answering<Contract>;

/**
 * The class that an object class extends, with these calls of its contract, each answered by its rules. They
 * stand on a prototype: there the platform finds what it may call over RPC.
 */
export function objectWith<Contract extends object>(
  calls: CallsOf<Contract>,
): ObjectClass<Contract> {
  abstract class Forwarding extends DurableObject<Env> {
    abstract [ANSWER](call: (rules: RulesOf<Contract>) => unknown): Promise<unknown>;
  }
  for (const name of Object.keys(calls) as (keyof Contract & string)[]) {
    async function forwarded(this: Forwarding, ...args: never[]): Promise<unknown> {
      return this[ANSWER]((rules) => rules[name].apply(rules, args));
    }
    Object.defineProperty(Forwarding.prototype, name, { value: forwarded });
  }
  return Forwarding as unknown as ObjectClass<Contract>;
}

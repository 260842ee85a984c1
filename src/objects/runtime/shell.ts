/**
 * The shell that every object class uses: storage and alarm, handling of errors, and forwarding of calls to the rules.
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
   * @param object the object's name in the log
   * @param refusalOf the refusal that answers a call that has thrown; by default that of the error itself
   */
  constructor(ctx: DurableObjectState, object: string, refusalOf?: (error: unknown) => Refusal) {
    this.#ctx = ctx;
    this.failures = new Failures(ctx, object, refusalOf);
    this.storage = new DurableStorage(ctx.storage);
    this.alarm = new DurableAlarm(ctx.storage);
  }

  /** Rows that the platform bills, since the object woke up. */
  get rows(): { readonly rowsRead: number; readonly rowsWritten: number } {
    const { rowsRead, rowsWritten } = this.storage;
    return { rowsRead, rowsWritten: rowsWritten + this.alarm.rowsWritten };
  }

  /** Takes over work that goes on behind an answer. What fails is repeated by the alarm that is set for it. */
  readonly background = (work: Promise<void>): void => {
    this.#ctx.waitUntil(this.failures.guard(() => work).catch(() => {}));
  };
}

/** The names of all calls of a contract: a call that is added there and not named here does not compile. */
export type CallsOf<Contract> = { readonly [Name in keyof Contract & string]: true };

/** Rules that answer the calls of a contract, with or without a promise. */
type RulesOf<Contract> = {
  readonly [Name in keyof Contract & string]: (...args: never[]) => unknown;
};

/** The method by which an object class calls its rules. A symbol, because RPC can call every method that has a name. */
export const ANSWER: unique symbol = Symbol("answer");

interface Answering<Contract> {
  [ANSWER](call: (rules: RulesOf<Contract>) => unknown): Promise<unknown>;
}

type ObjectClass<Contract> = abstract new (
  ctx: DurableObjectState,
  env: Env,
) => DurableObject<Env> & Contract & Answering<Contract>;

/**
 * Makes the base class of an object class: it has these calls of the contract and forwards each to the rules. They are
 * on the prototype, because that is where the platform finds what may be called over RPC.
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
    // As a method of a class is: it can be replaced, and put back.
    Object.defineProperty(Forwarding.prototype, name, {
      value: forwarded,
      writable: true,
      configurable: true,
    });
  }
  return Forwarding as unknown as ObjectClass<Contract>;
}

/**
 * Handling of errors that an object's code throws, for every object class. One rule: a storage failure is an operating
 * error and is answered; any other error is a broken assumption and ends the instance, so that the next one begins
 * from what was recorded. Callers get a retriable error: the object was reset.
 */
import type { Refusal } from "../../base/errors.ts";
import { refusalOfThrown, StorageFailure } from "../../base/storage-failure.ts";

export class Failures {
  readonly #ctx: DurableObjectState;
  readonly #object: string;
  readonly #refusalOf: (error: unknown) => Refusal;

  /**
   * @param object the object's name in the log
   * @param refusalOf the refusal that answers a call that has thrown
   */
  constructor(
    ctx: DurableObjectState,
    object: string,
    refusalOf: (error: unknown) => Refusal = refusalOfThrown,
  ) {
    this.#ctx = ctx;
    this.#object = object;
    this.#refusalOf = refusalOf;
  }

  /** Runs a call; where it throws, answers with a refusal. */
  async answer<T>(run: () => T | Promise<T>): Promise<T | Refusal> {
    try {
      return await run();
    } catch (error) {
      return this.thrown(error);
    }
  }

  /** The refusal that answers a call that has thrown. */
  readonly thrown = (error: unknown): Refusal => {
    this.note(error);
    if (!(error instanceof StorageFailure)) this.#abort(error);
    return this.#refusalOf(error);
  };

  /** Runs work that answers no call; rejects with what it throws. */
  async guard<T>(run: () => T | Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      this.note(error);
      if (!(error instanceof StorageFailure)) this.#abort(error);
      throw error;
    }
  }

  /** Ends the instance after any error, because memory and storage may disagree. */
  readonly broken = (error: unknown): void => {
    this.note(error);
    this.#abort(error);
  };

  /** Logs an error, as a storage failure or as a broken assumption. */
  note(error: unknown): void {
    const isStorage = error instanceof StorageFailure;
    const event = `${this.#object}-${isStorage ? "storage-failed" : "broken"}`;
    console.error(JSON.stringify({ event, error: String(error) }));
  }

  #abort(error: unknown): void {
    this.#ctx.abort(`${this.#object} begins anew: ${String(error)}`);
  }
}

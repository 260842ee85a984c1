/**
 * What becomes of what an object's code throws, for every object class. One rule: storage that fails is
 * an operating error and is answered; anything else is a state that cannot be, and ends the instance,
 * so that the next one begins from what was recorded. Its callers hear that the object was reset, which
 * is retriable.
 */
import type { Refusal } from "../../base/errors.ts";
import { refusalOfThrown, StorageFailure } from "../../base/storage-failure.ts";

export class Failures {
  readonly #ctx: DurableObjectState;
  readonly #object: string;
  readonly #refusalOf: (error: unknown) => Refusal;

  /** @param object what the log calls it */
  constructor(
    ctx: DurableObjectState,
    object: string,
    refusalOf: (error: unknown) => Refusal = refusalOfThrown,
  ) {
    this.#ctx = ctx;
    this.#object = object;
    this.#refusalOf = refusalOf;
  }

  /** The answer of a call. */
  async answer<T>(run: () => T | Promise<T>): Promise<T | Refusal> {
    try {
      return await run();
    } catch (error) {
      return this.thrown(error);
    }
  }

  /** What a call that has thrown is answered. */
  readonly thrown = (error: unknown): Refusal => {
    this.note(error);
    if (!(error instanceof StorageFailure)) this.#abort(error);
    return this.#refusalOf(error);
  };

  /** Work that nobody waits for an answer of: where it throws, so does this. */
  async guard<T>(run: () => T | Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      this.note(error);
      if (!(error instanceof StorageFailure)) this.#abort(error);
      throw error;
    }
  }

  /** Memory and storage may disagree, whichever is to blame: the instance ends. */
  readonly broken = (error: unknown): void => {
    this.note(error);
    this.#abort(error);
  };

  /** Logs what was thrown for what it is. */
  note(error: unknown): void {
    const isStorage = error instanceof StorageFailure;
    const event = `${this.#object}-${isStorage ? "storage-failed" : "broken"}`;
    console.error(JSON.stringify({ event, error: String(error) }));
  }

  #abort(error: unknown): void {
    this.#ctx.abort(`${this.#object} begins anew: ${String(error)}`);
  }
}

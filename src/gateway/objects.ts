/**
 * How objects are called, whatever their class. The runtime's exceptions become refusals here, and so does a missing
 * answer: every call has a deadline. `.overloaded` is never retried, a retry after an exception takes a new stub, and
 * a call whose outcome is unknown is repeated only when the caller says that it is idempotent.
 */
import { refuse, type Refusal } from "../base/errors.ts";
import {
  CONTROLLER_NAME,
  groupObjectName,
  isLongGroupId,
  longGroupObjectName,
} from "../base/ids.ts";
import type { ControllerApi } from "../objects/contracts/controller.ts";
import type { CoordinatorApi } from "../objects/contracts/group.ts";
import { isUnopened } from "../base/unopened.ts";
import { counters } from "./metrics.ts";
import type { Service } from "./service.ts";
import { because } from "./causes.ts";
import { within } from "./time.ts";

const OVERLOADED = "The object has more requests than it can take; nothing was done.";
const RESET_READ = "The object was reset before it answered; try again.";
const RESET_WRITE =
  "The object was reset before it answered; whether the request took effect is not known.";
const FAILED_READ = "The object's storage failed; try again.";
const FAILED_WRITE =
  "The object's storage failed, as on a full disk; whether the request took effect is not known.";
const SILENT_READ = "The object did not answer in time; try again.";
const SILENT_WRITE =
  "The object did not answer in time; whether the request took effect is not known.";

/** The deadline of calls that only read the controller's memory. */
const CONTROLLER_READ_MS = 10_000;
/** Decisions are answered when the replicas were told, for which the controller gives itself 20 seconds. */
const CONTROLLER_DECISION_MS = 60_000;

export interface CallOptions {
  /** True for reads, and for writes that are recognized when they are repeated. */
  readonly repeatable: boolean;
  /** Milliseconds for each try. */
  readonly deadlineMs: number;
}

/** The object did not answer: it may be lost, and whether the call took effect is not known. */
export interface Unanswered extends Refusal {
  readonly unanswered: true;
  /**
   * The object's storage does not open, or, for a call that writes, may only have refused the write: see
   * `isUnopened`.
   */
  readonly unopened?: true;
}

export function isUnanswered(answer: { readonly ok: boolean }): answer is Unanswered {
  return !answer.ok && "unanswered" in answer;
}

/** Whether the call failed in the way of an object whose storage does not open. */
export function isUnopening(answer: { readonly ok: boolean }): boolean {
  return isUnanswered(answer) && answer.unopened === true;
}

const READ: CallOptions = { repeatable: true, deadlineMs: CONTROLLER_READ_MS };
const DECISION: CallOptions = { repeatable: false, deadlineMs: CONTROLLER_DECISION_MS };

/** Calls the controller. `repeatable` is true for what only reads. */
export function callController<A extends { readonly ok: true }>(
  service: Service,
  repeatable: boolean,
  call: (controller: ControllerApi) => Promise<A | Refusal>,
): Promise<A | Refusal> {
  return attempt(repeatable ? READ : DECISION, () => call(controllerStub(service)));
}

/** Calls the object of a group, which can be called whether the group exists or not. */
export function callCoordinator<A extends { readonly ok: true }>(
  service: Service,
  groupId: string,
  options: CallOptions,
  call: (coordinator: CoordinatorApi) => Promise<A | Refusal>,
): Promise<A | Refusal> {
  return attempt(options, async () => {
    const name = isLongGroupId(groupId)
      ? longGroupObjectName(await digestOf(groupId))
      : groupObjectName(groupId);
    return call(coordinatorStub(service, name));
  });
}

/**
 * Makes one call, and a second one when the first was cut off and a repeat is harmless. `call` takes a new stub each
 * time. Errors: THROTTLING_QUOTA_EXCEEDED, and as {@link Unanswered}: KAFKA_STORAGE_ERROR, REQUEST_TIMED_OUT,
 * UNKNOWN_SERVER_ERROR.
 */
export async function attempt<A extends object>(
  { repeatable, deadlineMs }: CallOptions,
  call: () => Promise<A | Refusal>,
): Promise<A | Refusal> {
  try {
    return await inTime(call(), deadlineMs);
  } catch (error) {
    const refusal = refusalOf(error, repeatable);
    if (!repeatable || refusal.error !== "KAFKA_STORAGE_ERROR" || isUnopening(refusal)) {
      return refusal;
    }
  }
  try {
    return await inTime(call(), deadlineMs);
  } catch (error) {
    return refusalOf(error, repeatable);
  }
}

function controllerStub(service: Service): ControllerApi {
  counters.controllerCalls += 1;
  return service.env.CONTROLLER.getByName(CONTROLLER_NAME) as unknown as ControllerApi;
}

/** SHA-256. */
export async function digestOf(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}

function coordinatorStub(service: Service, name: string): CoordinatorApi {
  counters.coordinatorCalls += 1;
  const stub = service.env.COORDINATOR.getByName(name);
  return stub as unknown as CoordinatorApi;
}

const SILENCE = Symbol("silence");

/** The call's outcome; throws {@link SILENCE} at the deadline. */
async function inTime<A extends object>(call: Promise<A>, deadlineMs: number): Promise<A> {
  const answer = await within(deadlineMs, call);
  // oxlint-disable-next-line typescript/only-throw-error -- nobody sees it but refusalOf
  if (answer === null) throw SILENCE;
  return answer;
}

/** The properties that the runtime sets on exceptions of calls. */
interface CallFailure {
  readonly overloaded?: boolean;
  readonly retryable?: boolean;
  readonly durableObjectReset?: boolean;
}

/** The refusal that an exception of a call stands for. `harmless`: the call could be repeated. */
function refusalOf(error: unknown, harmless: boolean): Refusal {
  if (error === SILENCE) {
    counters.timeouts += 1;
    return unanswered(refuse("REQUEST_TIMED_OUT", harmless ? SILENT_READ : SILENT_WRITE));
  }
  const failure = (typeof error === "object" && error !== null ? error : {}) as CallFailure;
  if (failure.overloaded) {
    counters.overloads += 1;
    return refuse("THROTTLING_QUOTA_EXCEEDED", OVERLOADED);
  }
  if (failure.durableObjectReset || failure.retryable) {
    counters.resets += 1;
    const refusal = refuse("KAFKA_STORAGE_ERROR", harmless ? RESET_READ : RESET_WRITE);
    return because(unanswered(refusal), error);
  }
  counters.exceptions += 1;
  if (isUnopened(error)) {
    const refusal = unanswered(
      refuse("KAFKA_STORAGE_ERROR", harmless ? FAILED_READ : FAILED_WRITE),
    );
    return because({ ...refusal, unopened: true } as Unanswered, error);
  }
  return because(unanswered(refuse("UNKNOWN_SERVER_ERROR")), error);
}

function unanswered(refusal: Refusal): Unanswered {
  return { ...refusal, unanswered: true };
}

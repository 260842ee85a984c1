/**
 * How objects are called, whichever they are. The runtime's exceptions become refusals here:
 * `.overloaded` is never retried, after any throw the next try takes a new stub, and a call whose
 * outcome is unknown is only repeated when the caller says that a repeat is harmless.
 */
import { refuse, type Refusal } from "../base/errors.ts";
import { CONTROLLER_NAME } from "../base/ids.ts";
import type { ControllerApi } from "../objects/controller/api.ts";
import { because } from "./answers.ts";
import { counters } from "./metrics.ts";
import type { Service } from "./service.ts";

const OVERLOADED = "The object has more requests than it can take; nothing was done.";
const RESET_READ = "The object was reset before it answered; try again.";
const RESET_WRITE =
  "The object was reset before it answered; whether the request took effect is not known.";

/** Calls the controller. `repeatable` is true for what only reads. */
export function callController<A extends { readonly ok: true }>(
  service: Service,
  repeatable: boolean,
  call: (controller: ControllerApi) => Promise<A | Refusal>,
): Promise<A | Refusal> {
  return attempt(repeatable, () => call(controllerStub(service)));
}

/**
 * One call; a second one when the first was cut off and a repeat is harmless. `call` takes its stub
 * anew each time. THROTTLING_QUOTA_EXCEEDED, KAFKA_STORAGE_ERROR, UNKNOWN_SERVER_ERROR.
 */
export async function attempt<A>(
  repeatable: boolean,
  call: () => Promise<A | Refusal>,
): Promise<A | Refusal> {
  try {
    return await call();
  } catch (error) {
    const refusal = refusalOf(error, repeatable);
    if (!repeatable || refusal.error !== "KAFKA_STORAGE_ERROR") return refusal;
  }
  try {
    return await call();
  } catch (error) {
    return refusalOf(error, repeatable);
  }
}

function controllerStub(service: Service): ControllerApi {
  counters.controllerCalls += 1;
  return service.env.CONTROLLER.getByName(CONTROLLER_NAME) as unknown as ControllerApi;
}

/** What the runtime puts on the exceptions of calls. */
interface CallFailure {
  readonly overloaded?: boolean;
  readonly retryable?: boolean;
  readonly durableObjectReset?: boolean;
}

/** The refusal that an exception of a call stands for. `harmless`: it could be asked again. */
function refusalOf(error: unknown, harmless: boolean): Refusal {
  const failure = (typeof error === "object" && error !== null ? error : {}) as CallFailure;
  if (failure.overloaded) {
    counters.overloads += 1;
    return refuse("THROTTLING_QUOTA_EXCEEDED", OVERLOADED);
  }
  if (failure.durableObjectReset || failure.retryable) {
    counters.resets += 1;
    return because(refuse("KAFKA_STORAGE_ERROR", harmless ? RESET_READ : RESET_WRITE), error);
  }
  counters.exceptions += 1;
  return because(refuse("UNKNOWN_SERVER_ERROR"), error);
}

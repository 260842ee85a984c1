/** Stubs of the service's objects by name. A new stub for each call, because one that has thrown stays broken. */
import { refuse, type Refusal } from "../../base/errors.ts";
import { CONTROLLER_NAME } from "../../base/ids.ts";
import { isUnopened } from "../../base/unopened.ts";
import type { ControllerApi } from "../contracts/controller.ts";
import type { Env } from "./env.ts";
import type { PartitionObject } from "../contracts/partition-object.ts";

/** @param locationHint where the platform creates the object if this is the first call to it; empty for anywhere */
export function partitionStub(env: Env, name: string, locationHint: string): PartitionObject {
  const stub =
    locationHint === ""
      ? env.PARTITION.getByName(name)
      : env.PARTITION.getByName(name, { locationHint: locationHint as DurableObjectLocationHint });
  return stub as unknown as PartitionObject;
}

export function controllerStub(env: Env): ControllerApi {
  return env.CONTROLLER.getByName(CONTROLLER_NAME) as unknown as ControllerApi;
}

/** The answer of a replica's object: STORAGE_LOST where it cannot be constructed because its storage does not open. */
export async function replicaAnswer<T>(call: () => PromiseLike<T>): Promise<T | Refusal> {
  try {
    return await call();
  } catch (error) {
    if (isUnopened(error)) return refuse("STORAGE_LOST");
    throw error;
  }
}

/** Null where the object was reset, overloaded or unreachable: the call may have arrived or not. */
export async function answerOrNull<T>(call: () => PromiseLike<T>): Promise<T | null> {
  try {
    return await call();
  } catch {
    return null;
  }
}

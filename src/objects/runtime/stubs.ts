/** Stubs of the service's objects by name. A new stub for each call, because one that has thrown stays broken. */
import { CONTROLLER_NAME } from "../../base/ids.ts";
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

/** How objects of this service find each other's objects. A new stub for each call: one that has thrown stays broken. */
import { CONTROLLER_NAME } from "../../base/ids.ts";
import type { ControllerApi } from "../contracts/controller.ts";
import type { Env } from "./env.ts";
import type { PartitionObject } from "../contracts/partition-object.ts";

/** @param locationHint where the object is made if this is the first call to it; empty for anywhere */
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

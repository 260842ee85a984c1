/** What Produce and Fetch tell clients that asked the wrong broker: who leads, and at which address (KIP-951). */
import { int32, string, struct } from "./schema.ts";

/** The address of a node that the answer names as a leader (KIP-951). */
export const nodeEndpoint = struct({
  nodeId: int32(),
  host: string(),
  port: int32(),
  rack: string({ nullable: 0, default: null }),
});

/** The leader of a partition, as far as is known. */
export const leaderIdAndEpoch = {
  leaderId: int32({ default: -1 }),
  leaderEpoch: int32({ default: -1 }),
};

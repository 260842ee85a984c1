/**
 * The operations that each API requires to be allowed, as in the table of operations in Kafka's documentation
 * (KIP-11).
 */
import type { Need } from "../base/operations.ts";
import type { ApiKey } from "./messages/index.ts";

const CLUSTER_DESCRIBE: Need = ["cluster", "describe"];
const CLUSTER_ALTER: Need = ["cluster", "alter"];
const TOPIC_DESCRIBE: Need = ["topic", "describe"];
const GROUP_READ: Need = ["group", "read"];
const GROUP_DESCRIBE: Need = ["group", "describe"];

export const NEEDS: { readonly [K in ApiKey]: readonly Need[] } = {
  0: [["topic", "write"]],
  1: [["topic", "read"]],
  2: [TOPIC_DESCRIBE],
  3: [TOPIC_DESCRIBE],
  8: [GROUP_READ, ["topic", "read"]],
  9: [GROUP_DESCRIBE, TOPIC_DESCRIBE],
  10: [GROUP_DESCRIBE],
  11: [GROUP_READ],
  12: [GROUP_READ],
  13: [GROUP_READ],
  14: [GROUP_READ],
  15: [GROUP_DESCRIBE],
  16: [GROUP_DESCRIBE],
  17: [],
  18: [],
  19: [["topic", "create"]],
  20: [["topic", "delete"]],
  21: [["topic", "delete"]],
  22: [["cluster", "idempotentWrite"]],
  23: [TOPIC_DESCRIBE],
  32: [["topic", "describeConfigs"]],
  33: [["topic", "alterConfigs"]],
  35: [CLUSTER_DESCRIBE],
  36: [],
  37: [["topic", "alter"]],
  42: [["group", "delete"]],
  43: [CLUSTER_ALTER],
  44: [["topic", "alterConfigs"]],
  45: [CLUSTER_ALTER],
  46: [CLUSTER_DESCRIBE],
  47: [
    ["group", "delete"],
    ["topic", "read"],
  ],
  60: [],
  68: [GROUP_READ, TOPIC_DESCRIBE],
};

/** Who calls, and what they may do: for now, whoever is let in may do everything. */
import type { Need } from "../base/operations.ts";

export interface Principal {
  /** As Kafka writes it: `User:name`. */
  readonly name: string;
  /** Everything is allowed to this principal. */
  readonly isSuperUser: boolean;
}

/** A caller over loopback, where no key is configured; Kafka's name for an unauthenticated client. */
export const ANONYMOUS: Principal = { name: "User:ANONYMOUS", isSuperUser: true };

/** A holder of one of API_KEYS. */
export const KEY_HOLDER: Principal = { name: "User:api-key", isSuperUser: true };

/** Whether all of these operations are allowed. A request without needs is open to everybody who was let in. */
export function mayDo(principal: Principal, needs: readonly Need[]): boolean {
  return principal.isSuperUser || needs.length === 0;
}

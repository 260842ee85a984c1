/** The worker's entry: what wrangler.toml's `main` names. Only the handler and the object classes leave from here. */
import { app } from "./app.ts";

export { Controller } from "../objects/controller/object.ts";
export { Coordinator } from "../objects/coordinator/object.ts";
export { Partition } from "../objects/partition/object.ts";

export default { fetch: app.fetch };

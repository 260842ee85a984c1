/**
 * ApiVersions (18): what is served. A version of it that is not known is answered in version 0 with the table
 * (KIP-511), so that a client of any age learns what it may say.
 */
import { codeOf, NONE } from "../errors.ts";
import type { Response } from "../messages/index.ts";
import { SERVED_APIS, type Handler } from "../served.ts";

const API_KEYS = SERVED_APIS.map(({ key, versions }) => ({
  apiKey: key,
  minVersion: versions.min,
  maxVersion: versions.max,
}));

export const UNSUPPORTED_API_VERSIONS: Response<18> = {
  errorCode: codeOf("UNSUPPORTED_VERSION"),
  apiKeys: API_KEYS,
};

export const apiVersions: Handler<18> = () => ({ errorCode: NONE, apiKeys: API_KEYS });

/**
 * ApiVersions (18): what is served. A version of it that is not known is answered in version 0 with the table
 * (KIP-511), so that a client of any age learns what it may say.
 *
 * Where it deviates from Kafka: of the cluster and the node that a client means (KIP-1242) only the cluster is
 * looked at, since any port serves any request.
 */
import { codeOf, NONE } from "../errors.ts";
import { APIS, type Request, type Response } from "../messages/index.ts";
import type { Handler } from "../served.ts";

const API_KEYS = APIS.map(({ key, versions }) => ({
  apiKey: key,
  minVersion: versions.min,
  maxVersion: versions.max,
}));

/** A client says what it is from this version on. */
const NAMED_SINCE = 3;

/** What Kafka takes for the name and the version of a client's software. */
const SOFTWARE = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/;

export const UNSUPPORTED_API_VERSIONS: Response<18> = {
  errorCode: codeOf("UNSUPPORTED_VERSION"),
  apiKeys: API_KEYS,
};

export const apiVersions: Handler<18> = (request, { session, version }) => {
  if (version >= NAMED_SINCE && !isNamedWell(request)) {
    return { errorCode: codeOf("INVALID_REQUEST"), apiKeys: [] };
  }
  const { clusterId } = request;
  if (clusterId !== null && clusterId !== session.service.clusterId) {
    return { errorCode: codeOf("REBOOTSTRAP_REQUIRED"), apiKeys: [] };
  }
  return { errorCode: NONE, apiKeys: API_KEYS };
};

function isNamedWell({ clientSoftwareName, clientSoftwareVersion }: Request<18>): boolean {
  return SOFTWARE.test(clientSoftwareName) && SOFTWARE.test(clientSoftwareVersion);
}

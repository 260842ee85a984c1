/**
 * ApiVersions (18): the APIs and versions that are served. An unknown version of it is answered in version 0 with the
 * table (KIP-511), so that a client of any age can choose its versions.
 *
 * Deviation from Kafka: of the cluster and the node that a client intends to reach (KIP-1242) only the cluster is
 * checked, because any port serves any request.
 */
import { codeOf, NONE } from "../errors.ts";
import { APIS, type Request, type Response } from "../messages/index.ts";
import type { Handler } from "../handler.ts";

const API_KEYS = APIS.map(({ key, versions }) => ({
  apiKey: key,
  minVersion: versions.min,
  maxVersion: versions.max,
}));

/** From this version on a client names its software. */
const NAMED_SINCE = 3;

/** What Kafka accepts as the name and the version of a client's software. */
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

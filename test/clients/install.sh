#!/usr/bin/env bash
# Installs the clients that npm does not: kcat and the Python clients, with their compressions, from Debian's packages, Kafka's own Java client
# and Kafka Streams and Connect from Maven. The client tests leave out what is not there; with CI=true that fails them.
set -euo pipefail
cd "$(dirname "$0")"

debian=(kcat python3-kafka python3-lz4 python3-snappy python3-zstandard python3-confluent-kafka)
missing=()
for package in "${debian[@]}"; do
  dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q "install ok installed" || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  apt-get update --quiet --quiet
  DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --quiet --no-install-recommends "${missing[@]}"
fi

for project in java platform; do
  mvn --batch-mode --quiet --file "drivers/$project/pom.xml" package
done

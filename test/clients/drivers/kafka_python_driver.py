"""The driver of kafka-python."""

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import kafka
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import (
    ConfigResource,
    ConfigResourceType,
    KafkaAdminClient,
    NewPartitions,
    NewTopic,
)
from kafka.codec import has_lz4, has_snappy, has_zstd
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import BrokerResponseError, KafkaTimeoutError, NoBrokersAvailable
from kafka.structs import OffsetAndMetadata

from driver import Polling, Refused, base64_of, bytes_of, member_handlers, serve, tell

T = TypeVar("T")

WAIT_S = 20
CLOSE_S = 1
POLL_MS = 100
# So that what is given at once is one batch.
LINGER_MS = 50
HEARTBEATS_IN_SESSION = 3

# Compressions that need a package which kafka-python does not come with.
CODECS = {"snappy": has_snappy, "lz4": has_lz4, "zstd": has_zstd}

# What this client calls otherwise than Kafka.
CODES = {
    "CONSUMER_COORDINATOR_NOT_AVAILABLE": "COORDINATOR_NOT_AVAILABLE",
    "INVALID_REPLICATION_ASSIGNMENT": "INVALID_REPLICA_ASSIGNMENT",
    "INVALID_TOPIC": "INVALID_TOPIC_EXCEPTION",
    "MESSAGE_SIZE_TOO_LARGE": "MESSAGE_TOO_LARGE",
    "NOT_COORDINATOR_FOR_CONSUMER": "NOT_COORDINATOR",
    "NOT_LEADER_FOR_PARTITION": "NOT_LEADER_OR_FOLLOWER",
    "OFFSETS_LOAD_IN_PROGRESS": "COORDINATOR_LOAD_IN_PROGRESS",
    "UNKNOWN": "UNKNOWN_SERVER_ERROR",
}

_closed_while_authenticating: list[str] = []


def _noticed(record: logging.LogRecord) -> bool:
    """Why there is no broker to talk to, this client tells in its log alone."""
    if "Error receiving reply from server" in record.msg:
        _closed_while_authenticating.append(record.getMessage())
    return True


logging.getLogger("kafka.conn").addFilter(_noticed)


def settings(**more: Any) -> dict[str, Any]:
    own: dict[str, Any] = {"bootstrap_servers": os.environ["BOOTSTRAP"]}
    if "SASL_PASSWORD" in os.environ:
        own |= {
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "PLAIN",
            "sasl_plain_username": os.environ.get("SASL_USERNAME", ""),
            "sasl_plain_password": os.environ["SASL_PASSWORD"],
        }
    return own | more


def named(error: Exception) -> Exception:
    if isinstance(error, BrokerResponseError):
        return Refused(CODES.get(error.message, error.message), str(error))
    if isinstance(error, KafkaTimeoutError):
        return Refused("REQUEST_TIMED_OUT", str(error))
    if isinstance(error, NoBrokersAvailable) and _closed_while_authenticating:
        return ConnectionError("no broker is there: they close connections during authentication")
    return error


def admin() -> KafkaAdminClient:
    return KafkaAdminClient(**settings())


def as_admin(work: Callable[[KafkaAdminClient], T]) -> T:
    client = admin()
    try:
        return work(client)
    finally:
        client.close()


def check(error_code: int, message: str | None = None) -> None:
    """Answers of administration that this client hands on without having looked at them."""
    if error_code != 0:
        error = kafka.errors.for_code(error_code)
        raise error(message or error.description)


def record_of(record: ConsumerRecord) -> dict[str, Any]:
    return {
        "offset": record.offset,
        "key": base64_of(record.key),
        "value": base64_of(record.value),
        "headers": [[name, base64_of(value) or ""] for name, value in record.headers],
        "timestamp": record.timestamp,
    }


def hello() -> dict[str, Any]:
    features = ["metadata", "produce", "acks", "gzip", "fetch", "seek by time", "group", "commit"]
    features += ["topics", "configs", "partitions", "group admin", "SASL"]
    features += [codec for codec, is_there in CODECS.items() if is_there()]
    return {"version": kafka.__version__, "features": features}


def metadata() -> dict[str, Any]:
    def ask(client: KafkaAdminClient) -> dict[str, Any]:
        brokers = client.describe_cluster()["brokers"]
        topics = client.describe_topics()
        return {
            "brokers": [
                {"id": broker["node_id"], "host": broker["host"], "port": broker["port"]}
                for broker in brokers
            ],
            "topics": {topic["topic"]: len(topic["partitions"]) for topic in topics},
        }

    return as_admin(ask)


def produce(
    topic: str,
    partition: int,
    records: list[dict[str, Any]],
    compression: str,
    acks: int,
    idempotent: bool,
) -> dict[str, Any]:
    codec = None if compression == "none" else compression
    options = settings(acks=acks if acks >= 0 else "all", compression_type=codec)
    producer = KafkaProducer(**options, linger_ms=LINGER_MS, max_block_ms=WAIT_S * 1_000)
    try:
        sent = [
            producer.send(
                topic,
                partition=partition,
                key=bytes_of(record["key"]),
                value=bytes_of(record["value"]),
                headers=[(name, bytes_of(value)) for name, value in record["headers"]],
                timestamp_ms=record["timestamp"],
            )
            for record in records
        ]
        producer.flush(WAIT_S)
        offsets = [future.get(WAIT_S).offset for future in sent]
        return {"offsets": offsets if acks != 0 else [None] * len(records)}
    finally:
        producer.close(CLOSE_S)


def reader() -> KafkaConsumer:
    """Reads what it is assigned by hand; where that is not there, it does not read elsewhere."""
    return KafkaConsumer(
        **settings(
            enable_auto_commit=False, auto_offset_reset="none", request_timeout_ms=WAIT_S * 1_000
        )
    )


def fetch(topic: str, partition: int, offset: int, count: int) -> dict[str, Any]:
    place = TopicPartition(topic, partition)
    consumer = reader()
    deadline = time.monotonic() + WAIT_S
    try:
        consumer.assign([place])
        consumer.seek(place, offset)
        records: list[dict[str, Any]] = []
        while len(records) < count:
            if time.monotonic() > deadline:
                raise KafkaTimeoutError(f"{len(records)} of {count} records have come")
            found = consumer.poll(POLL_MS, max_records=count - len(records))
            records += [record_of(record) for record in found.get(place, [])]
        return {"records": records}
    finally:
        consumer.close()


def offset_for_time(topic: str, partition: int, timestamp: int) -> dict[str, Any]:
    place = TopicPartition(topic, partition)
    consumer = reader()
    try:
        found = consumer.offsets_for_times({place: timestamp})[place]
        return {"offset": None if found is None else found.offset}
    finally:
        consumer.close()


def watermarks(topic: str, partition: int) -> dict[str, Any]:
    place = TopicPartition(topic, partition)
    consumer = reader()
    try:
        low = consumer.beginning_offsets([place])[place]
        return {"low": low, "high": consumer.end_offsets([place])[place]}
    finally:
        consumer.close()


# The parameters' names are the protocol's own.
def create_topic(
    topic: str, partitions: int, replicationFactor: int, configs: dict[str, str]
) -> dict[str, Any]:
    new = NewTopic(topic, partitions, replicationFactor, topic_configs=configs)
    as_admin(lambda client: client.create_topics([new]))
    return {}


def create_partitions(topic: str, total: int) -> dict[str, Any]:
    as_admin(lambda client: client.create_partitions({topic: NewPartitions(total)}))
    return {}


def config_entries(client: KafkaAdminClient, topic: str) -> list[tuple[Any, ...]]:
    """Name, value, whether it is read-only, the source (1: the topic's own), and more."""
    [answer] = client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    [resource] = answer.resources
    check(resource[0], resource[1])
    return resource[4]


def describe_topic(topic: str) -> dict[str, Any]:
    entries = as_admin(lambda client: config_entries(client, topic))
    return {"configs": {entry[0]: entry[1] for entry in entries}}


def alter_topic(topic: str, configs: dict[str, str]) -> dict[str, Any]:
    """The old way to alter, which replaces everything: what is set is read first."""

    def alter(client: KafkaAdminClient) -> None:
        kept = {entry[0]: entry[1] for entry in config_entries(client, topic) if entry[3] == 1}
        wanted = ConfigResource(ConfigResourceType.TOPIC, topic, configs=kept | configs)
        [answer] = client.alter_configs([wanted]).resources
        check(answer[0], answer[1])

    as_admin(alter)
    return {}


def delete_topic(topic: str) -> dict[str, Any]:
    as_admin(lambda client: client.delete_topics([topic]))
    return {}


def list_groups() -> dict[str, Any]:
    return {"groups": [name for name, _ in as_admin(KafkaAdminClient.list_consumer_groups)]}


def describe_group(group: str) -> dict[str, Any]:
    [found] = as_admin(lambda client: client.describe_consumer_groups([group]))
    return {"state": found.state, "members": len(found.members), "protocol": found.protocol}


def group_offsets(group: str, topic: str, partitions: int) -> dict[str, Any]:
    found = as_admin(lambda client: client.list_consumer_group_offsets(group))
    return {
        "offsets": {
            str(place.partition): committed.offset
            for place, committed in found.items()
            if place.topic == topic and committed.offset >= 0
        }
    }


def delete_group(group: str) -> dict[str, Any]:
    [(_, error)] = as_admin(lambda client: client.delete_consumer_groups([group]))
    check(error.errno)
    return {}


class Listener(kafka.ConsumerRebalanceListener):
    def on_partitions_revoked(self, revoked: list[TopicPartition]) -> None:
        tell("assigned", partitions=[])

    def on_partitions_assigned(self, assigned: list[TopicPartition]) -> None:
        tell("assigned", partitions=[[place.topic, place.partition] for place in assigned])


class Member:
    """A member of a group: polls in a thread of its own, beside which the client bears no other."""

    def __init__(self, group: str, topics: list[str], session_timeout_ms: int) -> None:
        self._consumer = KafkaConsumer(
            **settings(
                group_id=group,
                auto_offset_reset="earliest",
                enable_auto_commit=False,
                session_timeout_ms=session_timeout_ms,
                heartbeat_interval_ms=session_timeout_ms // HEARTBEATS_IN_SESSION,
            )
        )
        self._using = threading.Lock()
        self._positions: dict[TopicPartition, OffsetAndMetadata] = {}
        self._consumer.subscribe(topics, listener=Listener())
        self._polling = Polling(self._poll)

    def _poll(self) -> None:
        with self._using:
            for place, records in self._consumer.poll(POLL_MS).items():
                at = {"topic": place.topic, "partition": place.partition}
                tell("records", records=[at | record_of(record) for record in records])
                self._positions[place] = OffsetAndMetadata(records[-1].offset + 1, "")
        # A lock is not fair: whoever waits for it is let in.
        time.sleep(0.001)

    def commit(self) -> None:
        with self._using:
            # What it has lost is not its own to commit.
            mine = self._consumer.assignment() & self._positions.keys()
            self._consumer.commit({place: self._positions[place] for place in mine})

    def close(self) -> None:
        self._polling.end()
        self._consumer.close(autocommit=False)
        # The client tells its listener of every revocation but this one.
        tell("assigned", partitions=[])


serve(
    {
        "hello": hello,
        "metadata": metadata,
        "produce": produce,
        "fetch": fetch,
        "offsetForTime": offset_for_time,
        "watermarks": watermarks,
        "createTopic": create_topic,
        "createPartitions": create_partitions,
        "alterTopic": alter_topic,
        "describeTopic": describe_topic,
        "deleteTopic": delete_topic,
        "listGroups": list_groups,
        "describeGroup": describe_group,
        "groupOffsets": group_offsets,
        "deleteGroup": delete_group,
        **member_handlers(Member),
    },
    named,
)

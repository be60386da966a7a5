"""Kafka clients of every service: one way to connect, to write and be sure, to create the topics.

Reading a topic as a table is `topic_table.py`; reading it as work is `work.py`.
"""

import asyncio
import ssl
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import stamina
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError, TopicAlreadyExistsError, for_code
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.structs import RecordMetadata

from services.contracts.codec import Headers, cloudevents_headers, encode
from services.contracts.model import Record
from services.contracts.topics import TOPICS, Topic
from services.runtime import unreadable
from services.runtime.settings import KafkaSettings, Settings

unreadable.install()


class BrokerUnreachable(ConnectionError):
    """No broker answers at the configured address."""


def ssl_context(kafka: KafkaSettings) -> ssl.SSLContext | None:
    """The TLS context the settings ask for; None without TLS. Raises OSError for files that cannot be read."""
    if "SSL" not in kafka.security_protocol:
        return None
    context = ssl.create_default_context(cafile=kafka.ssl_cafile)
    if kafka.ssl_certfile:
        context.load_cert_chain(kafka.ssl_certfile, kafka.ssl_keyfile)
    return context


def connection(kafka: KafkaSettings) -> dict[str, Any]:
    """What every aiokafka client is given to reach the cluster."""
    options: dict[str, Any] = {
        "bootstrap_servers": kafka.bootstrap_servers.split(","),
        "security_protocol": kafka.security_protocol,
        "ssl_context": ssl_context(kafka),
        "request_timeout_ms": kafka.request_timeout_s * 1000,
    }
    if kafka.security_protocol.startswith("SASL"):
        options |= {
            "sasl_mechanism": kafka.sasl_mechanism,
            "sasl_plain_username": kafka.sasl_username,
            "sasl_plain_password": kafka.sasl_password.get_secret_value() if kafka.sasl_password else None,
        }
    return options


def compression(kafka: KafkaSettings) -> str | None:
    """How a producer packs what it writes; None for not at all."""
    return None if kafka.compression == "none" else kafka.compression


def consumer_options(kafka: KafkaSettings) -> dict[str, Any]:
    """What every reader is given: to reach the cluster, and to commit by itself only."""
    return connection(kafka) | {"fetch_max_wait_ms": kafka.fetch_max_wait_ms, "enable_auto_commit": False}


@dataclass(frozen=True, slots=True)
class RawRecord:
    """A record as it lies on a topic: its bytes, None for a tombstone, and the key that picks its partition."""

    key: bytes | None
    value: bytes | None
    headers: Headers
    placed_by: str


class Publisher:
    """Writes records and knows that the brokers have them: acks=all, in order, with CloudEvents headers.

    `source` names the service in the headers (`/chancery/ingest`). Use as an async context manager.
    """

    def __init__(self, settings: Settings, source: str) -> None:
        self._namespace = settings.topics.namespace
        self._kafka = settings.kafka
        self._source = source
        self._producer = AIOKafkaProducer(
            **connection(settings.kafka),
            acks="all",
            enable_idempotence=settings.kafka.idempotence,
            compression_type=compression(settings.kafka),
            linger_ms=settings.kafka.linger_ms,
            max_request_size=settings.kafka.record_max_bytes,
        )
        self._place = DefaultPartitioner()

    async def __aenter__(self) -> "Publisher":
        await start(self._producer, self._kafka)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()

    async def publish(self, topic: Topic, *records: Record) -> list[RecordMetadata]:
        """Returns, with where they lie, once all records are on all in-sync replicas.

        Raises aiokafka.errors.KafkaError when the brokers would not take them; MessageSizeTooLargeError before anything
        of a record over the setting's size is sent: once the brokers refuse one, the producer is of no more use."""
        now = datetime.now(UTC)
        return await self.write(
            topic,
            *(
                RawRecord(r.key.encode(), encode(r), cloudevents_headers(r, self._source, now), r.partition_key)
                for r in records
            ),
        )

    async def delete(self, topic: Topic, key: str, placed_by: str | None = None) -> list[RecordMetadata]:
        """A tombstone: the key leaves the compacted topic. `placed_by` is the `partition_key` of the record."""
        return await self.write(topic, RawRecord(key.encode(), None, (), placed_by or key))

    async def write(self, topic: Topic, *originals: RawRecord) -> list[RecordMetadata]:
        """Returns as `publish` does, once bytes are on the topic as they are here."""
        name = topic.in_namespace(self._namespace)
        sent: list[asyncio.Future[RecordMetadata]] = []
        for each in originals:
            partitions = sorted(await self._producer.partitions_for(name))
            partition = self._place(each.placed_by.encode(), partitions, partitions)
            sent.append(
                await self._producer.send(
                    name, key=each.key, value=each.value, partition=partition, headers=list(each.headers) or None
                )
            )
        return await asyncio.gather(*sent)


async def start(client: Any, kafka: KafkaSettings) -> None:
    """Start an aiokafka client, waiting `connect_timeout_s` for a broker that is still coming up.

    Raises BrokerUnreachable after that; the client is closed then.
    """
    try:
        async for attempt in stamina.retry_context(
            on=KafkaConnectionError, timeout=kafka.connect_timeout_s, attempts=None, wait_max=2
        ):
            with attempt:
                await client.start()
    except KafkaConnectionError as error:
        await (client.close() if isinstance(client, AIOKafkaAdminClient) else client.stop())
        raise BrokerUnreachable(
            f"no broker answers at {kafka.bootstrap_servers}. Start one with `chancery up` in this folder, or name "
            f"yours in CHANCERY_KAFKA__BOOTSTRAP_SERVERS ({error})"
        ) from None


async def ends_of(consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
    """Where each partition ends: the offset that its next record gets. Assigns those that have any to the consumer, and
    moves it.

    The embedded broker, asked for the end, takes the last batch for one record, so who asks only that misses the others
    in it; what it says with the records themselves is right. Raises TimeoutError where a partition gives no answer.
    """
    ends: dict[TopicPartition, int] = await consumer.end_offsets(list(partitions))
    held = [partition for partition in partitions if ends[partition]]
    if not held:
        return ends
    consumer.assign(held)  # no other: aiokafka ends no consumer whose partitions were never given a place
    for partition in held:
        consumer.seek(partition, ends[partition] - 1)  # a fetch of a record is answered at once, one of none waits
    async with asyncio.timeout(10):
        while any(consumer.highwater(partition) is None for partition in held):
            await consumer.getmany(*held, timeout_ms=20)
    return ends | {partition: max(ends[partition], consumer.highwater(partition)) for partition in held}


async def ensure_topics(settings: Settings, topics: Iterable[Topic] = TOPICS) -> list[str]:
    """Create what is missing, with its settings; returns the names created. Idempotent.

    Raises aiokafka.errors.KafkaError for anything but "exists already", BrokerUnreachable when nobody answers.
    """
    return await ensure_named(
        settings, {topic.in_namespace(settings.topics.namespace): topic.config for topic in topics}
    )


async def ensure_named(settings: Settings, configs: Mapping[str, dict[str, str]]) -> list[str]:
    """As `ensure_topics`, for topics given by their whole names; returns when the brokers know all of them.

    A topic that was created a moment ago may still be missing in what a broker tells a client.
    """
    kafka = settings.kafka
    admin = AIOKafkaAdminClient(**connection(kafka))
    await start(admin, kafka)
    try:
        existing = set(await admin.list_topics())
        missing = [
            NewTopic(
                name,
                num_partitions=settings.topics.partitions,
                replication_factor=kafka.replication_factor,
                topic_configs=config,
            )
            for name, config in configs.items()
            if name not in existing
        ]
        if missing:
            answer = await admin.create_topics(missing)
            for name, code, *_ in answer.topic_errors:
                if code and for_code(code) is not TopicAlreadyExistsError:
                    raise for_code(code)(f"creating {name}")
            async with asyncio.timeout(kafka.connect_timeout_s):
                while True:
                    if configs.keys() <= set(await admin.list_topics()):
                        break
                    await asyncio.sleep(0.1)
        return [topic.name for topic in missing]
    finally:
        await admin.close()

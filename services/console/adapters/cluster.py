"""The cluster as its brokers describe it: who they are, how our topics stand there, who is in our groups."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from services.console.core.cluster import ROLES, Described
from services.contracts.topics import TOPICS, Topic
from services.runtime.kafka import connection, start
from services.runtime.settings import Settings
from services.runtime.work import group_name


@dataclass(frozen=True, slots=True)
class Cluster:
    """`members` are how many each group has, None where the brokers do not tell."""

    brokers: tuple[str, ...]
    topics: Mapping[Topic, Described]
    members: Mapping[str, int | None]


async def described(settings: Settings) -> Cluster:
    """Ask the brokers; nothing is written. Raises BrokerUnreachable, KafkaError."""
    admin = AIOKafkaAdminClient(**connection(settings.kafka))
    await start(admin, settings.kafka)
    try:
        brokers = (await admin.describe_cluster())["brokers"]
        topics = await _topics(admin, settings)
        members = {role: await _members(admin, group_name(settings, role)) for role in ROLES}
    finally:
        await admin.close()
    return Cluster(tuple(f"{each['host']}:{each['port']}" for each in brokers), topics, members)


async def _topics(admin: AIOKafkaAdminClient, settings: Settings) -> dict[Topic, Described]:
    by_name = {topic.in_namespace(settings.topics.namespace): topic for topic in TOPICS}
    # All there are: to ask for one that does not exist may create it.
    found = {each["topic"]: each["partitions"] for each in await admin.describe_topics() if each["topic"] in by_name}
    configs = await _configs(admin, list(found))
    return {by_name[name]: _described(partitions, configs.get(name)) for name, partitions in found.items()}


def _described(partitions: Sequence[Mapping[str, Any]], config: Mapping[str, str] | None) -> Described:
    return Described(
        partitions=len(partitions),
        replicas=min(len(each["replicas"]) for each in partitions),
        in_sync=min(len(each["isr"]) for each in partitions),
        leaderless=sum(each["leader"] < 0 for each in partitions),
        config=config,
    )


async def _configs(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    found: dict[str, dict[str, str]] = {}
    for answer in await admin.describe_configs(asked):
        for each in answer.to_object()["resources"]:
            if not each["error_code"]:
                entries = {entry["config_names"]: entry["config_value"] for entry in each["config_entries"]}
                found[each["resource_name"]] = entries
    return found


async def _members(admin: AIOKafkaAdminClient, group: str) -> int | None:
    # A cluster that never had a group has no coordinator for one yet.
    with suppress(KafkaError):
        for answer in await admin.describe_consumer_groups([group]):
            for each in answer.to_object()["groups"]:
                return len(each["members"])
    return None

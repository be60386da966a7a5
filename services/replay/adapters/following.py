"""What is written to topics from now on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence

from services.console.adapters.reading import Reader, in_time, reading
from services.contracts.codec import Undecodable, decode
from services.contracts.model import Record
from services.contracts.topics import Topic
from services.runtime.settings import Settings


@contextlib.asynccontextmanager
async def following(
    settings: Settings, topics: Sequence[Topic], take: Callable[[Record], None]
) -> AsyncIterator[asyncio.Task[None]]:
    """Every record that is written once this has begun is given to `take`; what cannot be read is not. The task ends
    with the context, or before it with what keeps it from reading.

    Raises BrokerUnreachable, Misconfigured where a topic is missing, TooSlow.
    """
    async with reading(settings, topics) as reader:
        async with in_time(topics):
            ends = {place: end for place, (_, end) in (await reader.ranges(*topics)).items()}
        reader.consumer.assign(list(ends))
        for place, end in ends.items():
            reader.consumer.seek(place, end)
        types = {topic.in_namespace(settings.topics.namespace): topic.record_type for topic in topics}
        task = asyncio.create_task(_follow(reader, types, take))
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait([task])


async def _follow(reader: Reader, types: dict[str, type[Record]], take: Callable[[Record], None]) -> None:
    while True:
        for place, messages in (await reader.consumer.getmany(timeout_ms=200)).items():
            for message in messages:
                with contextlib.suppress(Undecodable):
                    if message.value is not None:
                        take(decode(message.value, types[place.topic]))

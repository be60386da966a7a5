"""Faust's Kafka transport with a long poll that the settings choose.

Faust 0.15 fixes it at 1.5 s. A broker that answers a waiting fetch as soon as a record comes (Apache Kafka) never makes
one wait; the embedded one answers at half of that time, which would be 0.75 s at each step of an alert's way.
"""

import faust
from aiokafka import AIOKafkaConsumer
from faust.transport.drivers import aiokafka as driver


def transport(app: faust.App, fetch_max_wait_ms: int) -> driver.Transport:
    """The transport to set as `app.transport` before the app starts."""

    class Thread(driver.AIOKafkaConsumerThread):
        def _create_worker_consumer(self, transport: driver.Transport) -> AIOKafkaConsumer:
            consumer = super()._create_worker_consumer(transport)
            consumer._fetch_max_wait_ms = fetch_max_wait_ms
            return consumer

    class Consumer(driver.Consumer):
        def _new_consumer_thread(self) -> driver.AIOKafkaConsumerThread:
            return Thread(self, loop=self.loop, beacon=self.beacon)

    class Transport(driver.Transport):
        pass

    Transport.Consumer = Consumer
    return Transport(app.conf.broker_consumer, app)

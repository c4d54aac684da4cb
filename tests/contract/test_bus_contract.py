"""One suite for every bus: order, sharing, at-least-once, redelivery, trimming."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from trading_models.base import ConfigError, StorageError
from trading_models.bus import Bus, MemoryBus, Message, RedisBus, Subscription

pytestmark = pytest.mark.asyncio

REDELIVER_S = 0.2
WAIT_S = 5.0
REDIS_URL = os.environ.get("ATS_TEST_REDIS_URL")


async def _memory(limit: int) -> Bus:
    return MemoryBus(redeliver_after_s=REDELIVER_S, topic_limit=limit)


async def _redis(limit: int) -> Bus:
    if REDIS_URL is None:
        pytest.skip("ATS_TEST_REDIS_URL is not set: run ./ats services-test")
    prefix = f"test:{secrets.token_hex(4)}:"
    return await RedisBus.connect(
        REDIS_URL, prefix=prefix, redeliver_after_s=REDELIVER_S, topic_limit=limit
    )


OPENERS = [
    pytest.param(_memory, id="memory"),
    pytest.param(_redis, id="redis", marks=pytest.mark.services),
]


@pytest_asyncio.fixture(params=OPENERS)
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[Bus]:
    opened = await request.param(100_000)
    yield opened
    await opened.close()


async def _take(subscription: Subscription, count: int) -> list[Message]:
    found = []
    for _ in range(count):
        message = await subscription.receive(WAIT_S)
        assert message is not None, f"only {len(found)} of {count} messages came"
        found.append(message)
    return found


async def _publish(bus: Bus, count: int, topic: str = "bars") -> None:
    for number in range(count):
        await bus.publish(topic, {"number": number, "price": "43548.77"})


def _numbers(messages: list[Message]) -> list[int]:
    return [message.body["number"] for message in messages]


async def test_messages_come_in_order_with_their_body(bus: Bus) -> None:
    await _publish(bus, 50)
    subscription = await bus.subscribe("bars", group="g", consumer="a")
    messages = await _take(subscription, 50)
    assert _numbers(messages) == list(range(50))
    assert messages[0].body == {"number": 0, "price": "43548.77"}
    assert {m.topic for m in messages} == {"bars"}
    assert {m.delivery_count for m in messages} == {1}
    assert len({m.message_id for m in messages}) == 50


async def test_a_waiting_consumer_is_woken(bus: Bus) -> None:
    subscription = await bus.subscribe("bars", group="g", consumer="a")
    waiting = asyncio.create_task(subscription.receive(WAIT_S))
    await asyncio.sleep(0)
    await bus.publish("bars", {"number": 7})
    message = await waiting
    assert message is not None
    assert message.body["number"] == 7


async def test_receive_ends_without_a_message(bus: Bus) -> None:
    subscription = await bus.subscribe("bars", group="g", consumer="a")
    assert await subscription.receive(0.01) is None


async def test_groups_are_independent_and_topics_too(bus: Bus) -> None:
    await _publish(bus, 3)
    await _publish(bus, 1, topic="fills")
    for group in ("risk", "archive"):
        subscription = await bus.subscribe("bars", group=group, consumer="a")
        assert _numbers(await _take(subscription, 3)) == [0, 1, 2]


async def test_a_group_shares_the_work_without_overlap(bus: Bus) -> None:
    await _publish(bus, 20)
    one = await bus.subscribe("bars", group="g", consumer="one")
    two = await bus.subscribe("bars", group="g", consumer="two")
    seen: list[Message] = []
    for _ in range(10):
        for consumer in (one, two):
            message = (await _take(consumer, 1))[0]
            await consumer.ack(message.message_id)
            seen.append(message)
    assert sorted(_numbers(seen)) == list(range(20))


async def test_what_is_not_acknowledged_comes_again_with_a_count(bus: Bus) -> None:
    await _publish(bus, 2)
    subscription = await bus.subscribe("bars", group="g", consumer="a")
    first, second = await _take(subscription, 2)
    await subscription.ack(first.message_id)
    await subscription.ack(first.message_id)
    again = (await _take(subscription, 1))[0]
    assert (again.message_id, again.delivery_count) == (second.message_id, 2)
    await subscription.ack(again.message_id)
    assert await subscription.receive(2 * REDELIVER_S) is None


async def test_the_work_of_a_consumer_that_died_passes_to_another(bus: Bus) -> None:
    await _publish(bus, 3)
    dying = await bus.subscribe("bars", group="g", consumer="dying")
    await _take(dying, 2)
    await dying.close()
    heir = await bus.subscribe("bars", group="g", consumer="heir")
    messages = await _take(heir, 3)
    assert sorted(_numbers(messages)) == [0, 1, 2]
    assert sorted(m.delivery_count for m in messages) == [1, 2, 2]


async def test_a_publisher_may_change_its_object_afterwards(bus: Bus) -> None:
    body = {"number": 1}
    await bus.publish("bars", body)
    body["number"] = 2
    subscription = await bus.subscribe("bars", group="g", consumer="a")
    assert _numbers(await _take(subscription, 1)) == [1]


async def test_a_float_is_refused(bus: Bus) -> None:
    with pytest.raises(TypeError, match=r"\$\.price"):
        await bus.publish("bars", {"price": 1.5})


@pytest.mark.parametrize("opener", OPENERS)
async def test_old_messages_are_trimmed(opener: object) -> None:
    bus: Bus = await opener(100)  # type: ignore[operator]
    await _publish(bus, 1_000)
    subscription = await bus.subscribe("bars", group="g", consumer="a")
    first = (await _take(subscription, 1))[0].body["number"]
    # Redis trims by whole nodes and may keep a little more than asked.
    assert 700 <= first <= 900
    await bus.close()


async def test_trimmed_pending_messages_are_forgotten() -> None:
    bus = MemoryBus(redeliver_after_s=60.0, topic_limit=2)
    await _publish(bus, 1)
    subscription = await bus.subscribe("bars", group="g", consumer="a")
    lost = (await _take(subscription, 1))[0]
    await _publish(bus, 5)
    assert _numbers(await _take(subscription, 2)) == [3, 4]
    await subscription.close()
    messages = await _take(subscription, 2)
    assert lost.message_id not in {m.message_id for m in messages}


async def test_a_closed_memory_bus_says_so() -> None:
    bus = MemoryBus()
    await bus.close()
    with pytest.raises(StorageError, match="closed"):
        await bus.publish("bars", {})


async def test_redis_without_its_library_or_server_says_so() -> None:
    with pytest.raises((ConfigError, StorageError), match="Redis"):
        await RedisBus.connect("redis://127.0.0.1:1/0")

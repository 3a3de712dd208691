"""The guard, one pulse a closed bar, sells at the bars and prices of the compiled replay.

Once with the store in memory, many times; and a few times as it is deployed: handlers, adapters,
HTTP, Postgres. The kernel alone is compared in test_live_equals_replay.
"""

import operator
from collections import Counter
from dataclasses import replace

import pytest

from stopward.domain.identity import AccountId
from tests.builders.guard import ADOPT_ALL
from tests.builders.side_by_side import Story, a_story, lived, replayed
from tests.builders.simulator import AAPL
from tests.conftest import MakeDatabase
from tests.faults.stack.connections import Connections
from tests.faults.stack.world import StackWorld
from tests.faults.world import World

BY_DAY, BY_NIGHT, BATCH = 80, 800, 20
WHOLE = 8


def hold(first: int) -> None:
    """Compare a batch of stories, guarded over the store in memory."""
    for seed in range(first, first + BATCH):
        story = a_story(seed)
        world = World(story.schedule())
        assert world.run().broken is None
        assert lived(story, world.simulator.ledger.fills(AAPL)) == replayed(story), told(story)


def told(story: Story) -> str:
    return f"seed {story.seed}, {story.opening}, {story.rules}"


@pytest.mark.parametrize("first", range(0, BY_DAY, BATCH))
def test_the_guard_sells_as_it_is_replayed(first: int) -> None:
    hold(first)


@pytest.mark.nightly
@pytest.mark.parametrize("first", range(BY_DAY, BY_NIGHT, BATCH))
def test_the_guard_sells_as_it_is_replayed_however_often(first: int) -> None:
    hold(first)


def test_what_is_deployed_sells_as_it_is_replayed(
    make_database: MakeDatabase, template_database: str
) -> None:
    connections = Connections(make_database(template=template_database))
    for seed in range(WHOLE):
        story = a_story(seed)
        world = StackWorld(story.schedule(), connections, AccountId(f"replayed-{seed}"))
        assert world.run().broken is None
        assert lived(story, world.simulator.ledger.fills(AAPL)) == replayed(story), told(story)
    connections.close()


def test_the_stories_are_worth_comparing() -> None:
    """Most positions are closed, many in parts; and without the rules they would not be."""
    stories = [a_story(seed) for seed in range(BY_DAY)]
    parts = Counter(min(len(replayed(story)), 2) for story in stories)
    assert parts[1] > BY_DAY / 4
    assert parts[2] > BY_DAY / 8
    bare = [replace(story, rules=ADOPT_ALL) for story in stories]
    assert sum(map(operator.ne, map(replayed, bare), map(replayed, stories))) > BY_DAY / 2

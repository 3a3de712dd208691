"""A named story, run to its end: what its test looks at."""

from tests.faults.shrink import timeline
from tests.faults.stories import Story
from tests.faults.world import World


def whole(story: Story) -> World:
    """Run a story; fail with its timeline when an invariant does not hold."""
    schedule = story()
    world = World(schedule, tracing=True)
    result = world.run()
    assert result.broken is None, timeline(schedule, result)
    return world

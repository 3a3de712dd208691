"""Guards with one defect planted, to prove that the harness can fail, by name."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from tests.faults.mutants import acting, journal

Mutant = Callable[[], AbstractContextManager[object]]

MUTANTS: Mapping[str, Mutant] = {
    each.__name__: each
    for each in (
        acting.act_before_record,
        acting.sell_without_the_release_wait,
        acting.rearm_with_the_old_quantity,
        acting.loosen_on_rearm,
        acting.ignore_the_fence,
        acting.retry_a_submit_under_a_new_id,
        acting.skip_the_position_reread,
        acting.ignore_held_legs,
        acting.skip_the_lease,
        acting.one_holder_for_a_doubled_event,
        acting.decide_an_exit_anew,
        acting.forget_the_parts_that_were_sold,
        acting.settle_a_part_before_its_position,
        acting.believe_an_absence,
        acting.leave_orders_behind,
        acting.adopt_whatever_is_listed,
        acting.trust_our_clock,
        acting.forget_a_stop_that_rested,
        acting.believe_whatever_looks_loosened,
        acting.believe_a_surplus,
        acting.send_in_observe_mode,
        acting.touch_what_is_hands_off,
        acting.give_up_after_a_failed_step,
        acting.see_half_of_the_orders,
        journal.journal_the_state_before,
        journal.journal_the_whole_file,
        journal.journal_the_wrong_day,
        journal.journal_a_bar_without_its_low,
    )
}

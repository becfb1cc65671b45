from aloft.base.throttle import FORGOTTEN, FREE, LONGEST, Throttle


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_mistyping_costs_nothing() -> None:
    throttle = Throttle(Clock())
    for _ in range(FREE - 1):
        throttle.failed("ann")
    assert throttle.wait("ann") == 0


def test_waits_double_up_to_a_bound_and_end() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    waits = []
    for _ in range(FREE + 12):
        throttle.failed("ann")
        waits.append(throttle.wait("ann"))
        clock.now += waits[-1]
        assert throttle.wait("ann") == 0
    assert waits[FREE - 1 : FREE + 3] == [1, 2, 4, 8]
    assert waits[-1] == LONGEST
    clock.now += FORGOTTEN
    throttle.failed("ann")
    assert throttle.wait("ann") == 0


def test_any_of_the_keys_holds_back_and_others_do_not() -> None:
    throttle = Throttle(Clock())
    for _ in range(FREE):
        throttle.failed("ann", "192.0.2.1")
    assert throttle.wait("bob", "192.0.2.1") == 1
    assert throttle.wait("ann", "192.0.2.2") == 1
    assert throttle.wait("bob", "192.0.2.2") == 0


def test_success_is_forgiving() -> None:
    throttle = Throttle(Clock())
    for _ in range(FREE + 3):
        throttle.failed("ann")
    throttle.succeeded("ann")
    assert throttle.wait("ann") == 0

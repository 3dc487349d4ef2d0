import pytest

from stages.train.device import Device
from stages.train.machine import describe_machine, machine_line

CPU = Device("CPU", "CPU")
HASWELL = {
    "processor": "Some Processor",
    "cores": 4,
    "instruction_sets": ["avx2", "fma"],
    "device": "CPU",
    "threads": 2,
    "environment": {},
    "computes_as_others": True,
}


def test_a_machine_is_described_by_what_a_difference_may_come_from() -> None:
    assert describe_machine(CPU, deterministic=True, threads=2).keys() == HASWELL.keys()


def test_in_the_free_mode_threads_and_answers_are_left_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XLA_FLAGS", "--of_the_user")
    described = describe_machine(CPU, deterministic=False, threads=2)
    assert described["threads"] is described["computes_as_others"] is None
    assert described["environment"]["XLA_FLAGS"] == "--of_the_user"


def test_the_log_names_it_in_a_line_with_the_settings_that_took_effect() -> None:
    described = HASWELL | {"environment": {"OMP_NUM_THREADS": "1", "XLA_FLAGS": "a b"}}
    assert machine_line(described) == (
        "Some Processor, 4 cores, avx2 fma, 2 threads an operation; OMP_NUM_THREADS=1 XLA_FLAGS=a b"
    )

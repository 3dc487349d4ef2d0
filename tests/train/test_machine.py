import pytest

from stages.train.device import Device
from stages.train.machine import describe_machine, machine_lines

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


def test_the_log_names_it_in_a_line() -> None:
    line = "Some Processor, 4 cores, avx2 fma, 2 threads an operation"
    assert machine_lines(HASWELL) == line
    assert machine_lines(HASWELL | {"computes_as_others": None}) == line


@pytest.mark.parametrize(
    ("instruction_sets", "reason"),
    [
        (["avx512f", "avx2", "fma"], "a library ignores its settings"),
        (["fma"], "it lacks avx2"),
        ([], "it lacks avx2 and fma"),
    ],
)
def test_that_it_computes_other_bits_is_said_with_the_reason(
    instruction_sets: list[str], reason: str
) -> None:
    unlike = HASWELL | {"instruction_sets": instruction_sets, "computes_as_others": False}
    assert f"does not compute the bits of an x86-64 processor with AVX2 and FMA: {reason}." in (
        machine_lines(unlike)
    )


def test_on_a_gpu_the_bits_of_the_processor_do_not_count() -> None:
    unlike = HASWELL | {"device": "GPU Fictional", "computes_as_others": False}
    assert "\n" not in machine_lines(unlike)

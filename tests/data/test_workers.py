import os

import pytest

from ganvas.data import workers


def square(number: int) -> int:
    return number * number


def process_id(_: int) -> int:
    return os.getpid()


def fail(number: int) -> int:
    raise ValueError(f"task {number}")


@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_the_order_of_the_tasks(processes):
    assert list(workers.map_in_order(square, range(30), processes)) == [number * number for number in range(30)]


def test_one_process_is_the_caller_and_two_are_new():
    assert set(workers.map_in_order(process_id, range(4), 1)) == {os.getpid()}
    assert os.getpid() not in set(workers.map_in_order(process_id, range(4), 2))


@pytest.mark.parametrize("processes", [1, 2])
def test_an_exception_of_a_task_reaches_the_caller(processes):
    with pytest.raises(ValueError, match="task 0"):
        list(workers.map_in_order(fail, range(4), processes))


def test_tasks_are_taken_only_as_they_are_needed():
    taken = []

    def tasks():
        for number in range(100):
            taken.append(number)
            yield number

    results = workers.map_in_order(square, tasks(), 2)
    next(results)
    assert len(taken) <= 6
    results.close()


def test_few_images_are_prepared_in_one_process():
    assert workers.worker_count(10) == 1
    assert 1 <= workers.worker_count(100_000) <= 8


def test_preparing_loads_no_torch(class_folder):
    import subprocess
    import sys

    script = "import sys; from ganvas.data import *; open_source(sys.argv[1]); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", script, str(class_folder(cats=3))], check=True)

"""Mapping in this process, over worker processes and as Ray tasks gives the same, in order."""

import itertools
import os
import pickle
import sys
import types

import pytest

from lontar.core import plugins
from lontar.core.executor import ProcessPool, Resources, Serial, open_executor
from lontar.errors import ConfigError, DataError, LontarError, MissingExtraError
from tests.unit.core.conftest import alive
from tests.unit.core.toys import square


def double(x):
    return x * 2


def fail_at_three(x):
    if x == 3:
        raise DataError("three is wrong", hint="leave it out")
    return x


def pid_of(x):
    return os.getpid()


def plugin_value(x):
    modules = [m for name, m in sys.modules.items() if name.startswith("lontar_plugin_worker_")]
    return [m.VALUE for m in modules], x


@pytest.mark.parametrize(
    ("resources", "kind"),
    [
        ({}, Serial),
        ({"workers": 2}, ProcessPool),
        ({"workers": 4, "executor": "serial"}, Serial),
        ({"executor": "process"}, ProcessPool),
    ],
)
def test_the_executor_that_is_asked_for(resources, kind):
    assert isinstance(open_executor(Resources(**resources)), kind)


@pytest.mark.parametrize("workers", [0, -1])
def test_no_workers_is_a_mistake(workers):
    with pytest.raises(ConfigError, match=f"resources.workers: {workers}"):
        open_executor(Resources(workers=workers))


def test_workers_give_what_one_process_gives_in_order():
    items = [3, 1, 2, 9, 8, 7]
    assert list(ProcessPool(2).map(double, items)) == list(Serial().map(double, items)) == [6, 2, 4, 18, 16, 14]
    assert list(ProcessPool(2).map(double, [])) == []


def test_an_error_crosses_the_pool_with_its_hint():
    found = []
    with pytest.raises(DataError) as caught:
        for value in ProcessPool(2).map(fail_at_three, [1, 2, 3, 4]):
            found.append(value)
    assert found == [1, 2]
    assert (caught.value.message, caught.value.hint) == ("three is wrong", "leave it out")
    with pytest.raises(DataError):
        list(Serial().map(fail_at_three, [3]))


def test_items_are_drawn_as_they_are_needed():
    drawn = []

    def items():
        for i in range(100):
            drawn.append(i)
            yield i

    found = ProcessPool(2).map(double, items())
    assert list(itertools.islice(found, 2)) == [0, 2]
    assert len(drawn) < 10
    found.close()


def test_workers_end_when_the_caller_stops_early():
    found = ProcessPool(1).map(pid_of, range(50))
    worker = next(found)
    assert worker != os.getpid()
    found.close()
    assert not alive(worker)


def test_fresh_workers_do_one_item_each():
    assert len(set(ProcessPool(1, fresh=True).map(pid_of, range(3)))) == 3
    assert len(set(ProcessPool(1).map(pid_of, range(3)))) == 1


def test_a_worker_that_dies_is_a_clear_error(tmp_path):
    (tmp_path / "die-1").touch()
    with pytest.raises(LontarError, match="a worker process ended before its work was done") as caught:
        list(ProcessPool(1).map(square, [(0, str(tmp_path)), (1, str(tmp_path))]))
    assert "workers" in caught.value.hint


@pytest.mark.usefixtures("unloaded")
def test_plugins_are_loaded_in_workers(tmp_path):
    (tmp_path / "worker.py").write_text("VALUE = 42\n")
    plugins.load_file(tmp_path / "worker.py")
    assert list(ProcessPool(1).map(plugin_value, [1, 2])) == [([42], 1), ([42], 2)]


# --- Ray -------------------------------------------------------------------------------------------------------------


class InlineRay(types.ModuleType):
    """The four calls of Ray that are used; a task runs when its result is asked for, with everything pickled."""

    def __init__(self):
        super().__init__("ray")
        self.begun = None
        self.waiting = self.most = 0

    def is_initialized(self):
        return self.begun is not None

    def init(self, **options):
        self.begun = options

    def remote(self, function):
        def submit(*args):
            self.waiting += 1
            self.most = max(self.most, self.waiting)
            return function, pickle.dumps(args)

        return types.SimpleNamespace(remote=submit)

    def get(self, task):
        self.waiting -= 1
        function, args = task
        return function(*pickle.loads(args))


@pytest.fixture
def ray(monkeypatch):
    made = InlineRay()
    monkeypatch.setitem(sys.modules, "ray", made)
    return made


def test_ray_tasks_give_the_same_in_order(ray):
    executor = open_executor(Resources(workers=2, executor="ray"))
    assert list(executor.map(double, range(20))) == list(map(double, range(20)))
    assert ray.begun["num_cpus"] == 2
    assert ray.most <= 4
    with pytest.raises(DataError, match="three is wrong"):
        list(executor.map(fail_at_three, [3]))


def test_a_cluster_is_addressed_and_begun_once(ray):
    open_executor(Resources(executor="ray", address="ray://head:10001"))
    assert ray.begun == {"address": "ray://head:10001", "log_to_driver": False}
    ray.begun["again"] = True
    open_executor(Resources(executor="ray"))
    assert ray.begun["again"]


@pytest.mark.usefixtures("unloaded")
def test_ray_tasks_load_plugins(ray, tmp_path):
    (tmp_path / "worker.py").write_text("VALUE = 43\n")
    plugins.load_file(tmp_path / "worker.py")
    assert list(open_executor(Resources(executor="ray")).map(plugin_value, [1])) == [([43], 1)]


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError) as caught:
        open_executor(Resources(executor="ray"))
    assert caught.value.hint == "pip install 'lontar[ray]'"


def test_ray_itself():
    ray = pytest.importorskip("ray")
    try:
        assert list(open_executor(Resources(workers=1, executor="ray")).map(double, [1, 2, 3])) == [2, 4, 6]
    finally:
        ray.shutdown()

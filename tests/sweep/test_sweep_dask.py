"""The same sweep on a dask scheduler with worker processes, one of which is killed."""

from __future__ import annotations

import os
import signal
import sys

import pytest
from sweep_runs import ALPHAS, BETAS, Watcher, assert_same, load, plan, run_ids, sweep

from neurosim.errors import ScenarioError, SimulationError
from neurosim.sweep.engines import make_engine
from neurosim.sweep.run import SweepOptions, execute_sweep

pytestmark = pytest.mark.filterwarnings("ignore")  # of dask and tornado themselves


def test_without_dask_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(SimulationError, match=r"--scheduler needs dask.distributed.*pip install 'neurosim\[dist\]'"):
        make_engine(2, "tcp://nowhere:1")


@pytest.mark.slow
def test_no_scheduler_answers():
    pytest.importorskip("distributed")
    with pytest.raises(ScenarioError, match=r"--scheduler tcp://127.0.0.1:9: no dask scheduler answers there"):
        make_engine(2, "tcp://127.0.0.1:9")


class Assassin(Watcher):
    """Kills a worker process when the first points are done."""

    def __init__(self, pids: list[int]) -> None:
        super().__init__()
        self.pids = pids

    def advance(self, amount: int = 1) -> None:
        super().advance(amount)
        if self.pids:
            os.kill(self.pids.pop(), signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize("killed", [0, 1])
def test_a_cluster_gives_the_same_figures(tmp_path, killed):
    """Dask runs what the killed worker had in hand again, on the other one or on its successor."""
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**options, local_directory=str(tmp_path / "dask")) as cluster:
        with distributed.Client(cluster) as client:
            pids = list(client.run(os.getpid).values())[:killed]
        watcher = Assassin(list(pids))
        chosen = SweepOptions(progress=watcher, folder=tmp_path / "cluster", scheduler=cluster.scheduler_address)
        outcome = execute_sweep(load(tmp_path, BETAS, ALPHAS), chosen)
    assert not watcher.pids
    assert outcome.good
    assert watcher.done == 18
    assert sorted(run_ids(tmp_path / "cluster" / "runs")) == sorted(plan(tmp_path, BETAS, ALPHAS).ids)
    assert_same(outcome.path, sweep(tmp_path, BETAS, ALPHAS, into="whole")[0].path)

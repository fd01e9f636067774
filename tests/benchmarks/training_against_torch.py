"""An epoch of dual propagation beside an epoch of PyTorch back-propagation: same network, batch, optimizer and threads.

    python tests/benchmarks/training_against_torch.py --data-dir DIR [--epochs 5] [--threads 2] [--seed 0] [--fused]

Fashion-MNIST, 784-512-512-10 rectified units, half squared error, batch 100, Adam 1e-3, float32: the shipped scenario
dyad_fashion, trained and tested by the code that `neurosim run` uses, checks included. Both sides measure a whole epoch
with the test after it. They run in processes of their own and take turns, epoch by epoch, so that a slow minute of the
machine hits both; data are loaded and everything is compiled before the clock starts. PyTorch (the CPU build, `pip
install torch==2.13.0`) shuffles and slices tensors that lie in memory: no data loader is in its way. --fused gives
it its fused Adam instead of the default.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np

LAYERS, BATCH, RATE = (784, 512, 512, 10), 100, 1e-3


def neurosim_epochs(arguments: argparse.Namespace):
    """Yield seconds and test error of every epoch."""
    from neurosim.analysis.interruption import Interruption
    from neurosim.analysis.progress import Silence
    from neurosim.analysis.run import Session
    from neurosim.analysis.setup import build
    from neurosim.analysis.train import Training
    from neurosim.scenario.load import load_scenario
    from neurosim.workers import Workers

    loaded = load_scenario("dyad_fashion", [f"rule.alpha={arguments.alpha}", f"seed={arguments.seed}"])
    with Workers(arguments.threads) as workers:
        session = Session(None, workers, Silence(), Interruption(), Path())  # nothing is written between epochs
        training = Training(build(loaded, (arguments.data_dir,)), session)
        training.learner.learn(training.train.inputs[:BATCH], training.train.targets[:BATCH])
        training.evaluate(training.test.head(1000))
        training.plasticity.optimizer.step(np.zeros_like(training.model.parameters.trained), 0)
        training.plasticity.steps = 0
        yield 0.0, 1.0
        while True:
            began = time.perf_counter()
            training.run_epoch()
            yield time.perf_counter() - began, training.log.columns["test_error"][-1]


def torch_epochs(arguments: argparse.Namespace):
    """Yield seconds and test error of every epoch."""
    import torch

    from neurosim.datasets.load import load_dataset
    from neurosim.datasets.settings import FashionMnistData

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    data = load_dataset(FashionMnistData(set="fashion_mnist"), "float32", 0, (arguments.data_dir,))
    inputs, targets = torch.from_numpy(data.train.inputs), torch.from_numpy(data.train.targets)
    test, labels = torch.from_numpy(data.test.inputs), torch.from_numpy(data.test.labels)
    layers: list[torch.nn.Module] = []
    for below, above in pairwise(LAYERS):
        layers += [torch.nn.Linear(below, above), torch.nn.ReLU()]
    net = torch.nn.Sequential(*layers[:-1])
    optimizer = torch.optim.Adam(net.parameters(), lr=RATE, **({"fused": True} if arguments.fused else {}))
    net(inputs[:BATCH]).sum().backward()
    yield 0.0, 1.0
    for _ in range(arguments.epochs):
        began = time.perf_counter()
        order = torch.randperm(len(inputs))
        for first in range(0, len(order), BATCH):
            rows = order[first : first + BATCH]
            loss = 0.5 * (net(inputs[rows]) - targets[rows]).square().sum(dim=1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            error = float((net(test).argmax(dim=1) != labels).float().mean())
        yield time.perf_counter() - began, error


def serve(arguments: argparse.Namespace) -> None:
    """Run one epoch for every line on stdin; answer with its seconds and its test error."""
    epochs = {"neurosim": neurosim_epochs, "torch": torch_epochs}[arguments.worker](arguments)
    for _ in sys.stdin:
        seconds, error = next(epochs)
        print(f"{seconds!r} {error!r}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--alpha", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fused", action="store_true")
    parser.add_argument("--worker", choices=("neurosim", "torch"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        serve(arguments)
        return
    names = ("neurosim", "torch")
    command = [sys.executable, __file__, *sys.argv[1:], "--worker"]
    workers = {
        name: subprocess.Popen([*command, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for name in names
    }

    def epoch(name: str) -> tuple[float, float]:
        print(file=workers[name].stdin, flush=True)
        seconds, error = workers[name].stdout.readline().split()
        return float(seconds), float(error)

    for name in names:
        epoch(name)  # load, compile
    print(f"{'epoch':>5}{'neurosim s':>12}{'torch s':>10}{'ratio':>8}{'neurosim error':>16}{'torch error':>13}")
    ratios = []
    for i in range(arguments.epochs):
        turn = {name: epoch(name) for name in (names if i % 2 == 0 else names[::-1])}
        (ours, our_error), (theirs, their_error) = turn["neurosim"], turn["torch"]
        ratios.append(ours / theirs)
        errors = f"{100 * our_error:>15.2f}%{100 * their_error:>12.2f}%"
        print(f"{i + 1:>5}{ours:>12.2f}{theirs:>10.2f}{ratios[-1]:>8.2f}{errors}")
    print(f"median ratio {np.median(ratios):.2f} (aim 0.70, bound 1.00)")
    for worker in workers.values():
        worker.stdin.close()
        worker.wait()


if __name__ == "__main__":
    main()

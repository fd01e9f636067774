"""neurosim report: one page with everything, also where a run ended badly."""

from __future__ import annotations

import struct
from base64 import b64decode
from html.parser import HTMLParser
from pathlib import Path

import h5py
import numpy as np
import pytest

from neurosim.cli.report import render
from neurosim.results.reader import open_result


class Page(HTMLParser):
    """Collects headings, cells of tables, pictures, and every address that the page refers to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: dict[str, list[str]] = {}
        self.sources: list[str] = []
        self.marked = False
        self._open: list[str] = []
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.marked |= found.get("class") == "bad"
        self.sources += [found[key] for key in ("src", "href") if key in found]
        if tag not in ("meta", "img"):
            self._open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open:
            self.texts[self._open[-1]][-1] += data


@pytest.fixture(scope="module")
def trained(tmp_path_factory, shell_in):
    shell = shell_in(tmp_path_factory.mktemp("report"))
    assert shell("run", shell.write(), "-o", "a.h5", "--quiet").returncode == 0
    return shell


def read(path: Path) -> Page:
    with open_result(path) as file:
        return Page(render(file))


def test_a_page_holds_everything_and_refers_to_nothing(trained):
    done = trained("report", "a.h5")
    assert (done.returncode, done.stdout) == (0, "a.html\n")
    page = Page((trained.folder / "a.html").read_text(encoding="utf-8"))
    assert page.texts["h2"] == ["Key figures", "Plot", "Provenance", "Scenario", "Arrays"]
    (source,) = page.sources
    assert source.startswith("data:image/png;base64,")
    picture = b64decode(source.partition(",")[2], validate=True)
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert min(struct.unpack(">II", picture[16:24])) > 500  # pixels
    cells = dict(zip(page.texts["th"], page.texts["td"], strict=True))
    with h5py.File(trained.folder / "a.h5") as file:
        assert cells["run_id"] == file.attrs["run_id"]
        assert cells["test_error"] == f"{file['train/test_error'][-1]:.6g} after epoch 2"
        assert page.texts["pre"] == [file.attrs["scenario"]]
        assert "/train/test_error" in cells
        assert "numpy" in " ".join(cells)


def test_the_same_file_gives_the_same_page(trained):
    with open_result(trained.folder / "a.h5") as file:
        assert render(file) == render(file)


def test_what_ended_badly_is_marked_and_text_stays_text(trained, tmp_path):
    path = tmp_path / "bad.h5"
    path.write_bytes((trained.folder / "a.h5").read_bytes())
    assert not read(path).marked
    with h5py.File(path, "r+") as file:
        file.attrs["status"], file.attrs["message"] = "diverged", "rate > 1e9 & <b>rising</b>"
    page = read(path)
    assert page.marked
    assert "diverged: rate > 1e9 & <b>rising</b>" in page.texts["p"]


def test_warnings_are_on_the_page(trained, tmp_path):
    path = tmp_path / "warned.h5"
    path.write_bytes((trained.folder / "a.h5").read_bytes())
    with h5py.File(path, "r+") as file:
        file.attrs["warning"] = "warning: nothing was learnt"
    page = read(path)
    assert "warning: nothing was learnt" in page.texts["p"]
    assert page.marked


def test_losses_to_beat_and_cosines_are_key_figures(trained, tmp_path):
    path = tmp_path / "signals.h5"
    path.write_bytes((trained.folder / "a.h5").read_bytes())
    with h5py.File(path, "r+") as file:
        file["train/baseline"], file["train/baseline_loss"] = ["variance", "ridge"], [0.25, 0.125]
        file["perturbation/reference"], file["perturbation/rule"] = ["bptt", "one_step"], ["np_step", "anp_step"]
        file["perturbation/network"], file["perturbation/samples"] = [0, 1], [1, 100]
        cosine = np.zeros((2, 2, 2, 2))
        cosine[0, 1, :, 1] = 0.25, 0.75
        cosine[1, 0, :, 1] = 0.5
        file["perturbation/cosine"] = cosine
    page = read(path)
    cells = dict(zip(page.texts["th"], page.texts["td"], strict=True))
    assert cells["test_loss to beat"] == "variance 0.25, ridge 0.125"
    assert cells["cosine bptt"] == "np_step 0.000, anp_step 0.500"
    assert cells["cosine one_step"] == "np_step 0.500, anp_step 0.000"
    assert cells["noisy copies"] == "100; means of 2 networks"


def test_without_a_plot_the_page_says_why(trained, tmp_path):
    path = tmp_path / "none.h5"
    path.write_bytes((trained.folder / "a.h5").read_bytes())
    with h5py.File(path, "r+") as file:
        del file["train"]
    page = read(path)
    assert page.sources == []
    assert any("there is no learning curve" in text for text in page.texts["p"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a.h5", "-o", "a.pdf"), "a.pdf: found the ending '.pdf'; the name of a report has to end in .html."),
        (("a.h5", "-o", "page"), "page: found no ending; the name of a report has to end in .html."),
        (("a.h5", "-o", "no/a.html"), "no/a.html: cannot be written: there is no folder 'no'."),
        (("b.h5",), "b.h5: no such file."),
        ((".",), ".: is a folder without a sweep.h5; give a result file or the folder of a sweep."),
    ],
)
def test_what_cannot_be_reported_is_refused(trained, arguments, message):
    done = trained("report", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"neurosim: {message}\n"


def test_a_sweep_has_a_page(trained):
    trained.write("swept.yaml")
    path = trained.folder / "swept.yaml"
    text = path.read_text()
    start = text.index("analysis:")
    path.write_text(text[:start] + "analysis: {type: bias, samples: 2}\nsweep: {grid: {rule.beta: [0.1, 0.2]}}\n")
    done = trained("sweep", "swept.yaml", "-o", "many", "--workers", "1", "--quiet")
    assert done.returncode == 0, done.stderr
    done = trained("report", "many")
    assert (done.returncode, done.stdout) == (0, "many/sweep.html\n")
    page = Page((trained.folder / "many" / "sweep.html").read_text(encoding="utf-8"))
    assert page.texts["h2"][0] == "Plot"
    assert len(page.sources) == 1

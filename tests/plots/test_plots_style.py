"""Colours that everybody can tell apart."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from neurosim.plots.style import ALERT, GUIDE, LINES, REST

# G. M. Machado, M. M. Oliveira, L. A. F. Fernandes, IEEE Trans. Vis. Comput. Graph. 15 (2009) 1291, severity 1.
VISIONS = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
# sRGB to XYZ, D65
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = TO_XYZ @ np.ones(3)


def linear(color):
    rgb = np.array(to_rgb(color))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(color, vision):
    """CIE L*a*b* of a colour as somebody with this vision sees it."""
    seen = np.clip(np.asarray(VISIONS[vision]) @ linear(color), 0.0, 1.0)
    x, y, z = (t ** (1 / 3) if t > (6 / 29) ** 3 else t / (3 * (6 / 29) ** 2) + 4 / 29 for t in TO_XYZ @ seen / WHITE)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(color):
    """WCAG contrast with a white page."""
    return 1.05 / (TO_XYZ[1] @ linear(color) + 0.05)


@pytest.mark.parametrize("vision", VISIONS)
def test_line_colours_are_distinct(vision):
    distances = {(a, b): np.linalg.norm(lab(a, vision) - lab(b, vision)) for a, b in combinations((*LINES, REST), 2)}
    closest = min(distances, key=distances.__getitem__)
    assert distances[closest] > 10, closest  # 2.3 is a just noticeable difference


def test_everything_stands_out_from_the_page():
    assert min(contrast(color) for color in LINES) > 2
    assert min(contrast(color) for color in (GUIDE, ALERT)) > 4.5  # small text

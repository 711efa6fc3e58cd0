"""Contrast of the colours as the tokens say them, reckoned by WCAG 2.2's own formula."""

import re

import pytest

from headwater.web.templates import FOLDER

TOKENS = (FOLDER.parents[2] / "web" / "src" / "tokens.css").read_text(encoding="utf-8")
PAIRS = {
    name: (light, dark) for name, light, dark in re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", TOKENS)
}


def luminance(colour: str) -> float:
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


TEXT = [
    *((ink, ground) for ink in ("ink", "ink-2", "ink-3") for ground in ("canvas", "surface", "sunken")),
    *((ink, ground) for ink in ("ink", "ink-2", "ink-3") for ground in ("accent-tint",)),
    *(("ink", f"{kind}-soft") for kind in ("good", "bad", "warn", "accent")),
    *((kind, f"{kind}-soft") for kind in ("good", "bad", "warn")),
    *((kind, ground) for kind in ("accent", "good", "bad", "warn") for ground in ("canvas", "surface", "sunken")),
    ("accent", "accent-tint"),
    ("accent", "warn-soft"),
    ("on-accent", "accent"),
]
DRAWN = [
    *((line, "surface") for line in ("line-strong", "series-2", "series-3", "series-4", "series-5", "accent")),
    ("accent", "canvas"),
    ("line-strong", "canvas"),
]


def test_the_formula_is_the_published_one() -> None:
    assert contrast("#000000", "#ffffff") == 21
    assert round(contrast("#777777", "#ffffff"), 2) == 4.48


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), TEXT)
def test_text_can_be_read(ink: str, ground: str, scheme: int) -> None:
    assert contrast(PAIRS[ink][scheme], PAIRS[ground][scheme]) >= 4.5


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("line", "ground"), DRAWN)
def test_lines_can_be_seen(line: str, ground: str, scheme: int) -> None:
    assert contrast(PAIRS[line][scheme], PAIRS[ground][scheme]) >= 3


def test_colours_stand_in_the_tokens_alone() -> None:
    sheets = {path: path.read_text(encoding="utf-8") for path in (FOLDER / "components").glob("*.html")}
    base = FOLDER.parents[2] / "web" / "src" / "base.css"
    for path, text in {**sheets, base: base.read_text(encoding="utf-8")}.items():
        style = text[text.rfind("<style>") :] if path.suffix == ".html" else text
        assert re.findall(r"#[0-9a-fA-F]{3,8}\b|\brgb\(|\bhsl\(", style) == [], path

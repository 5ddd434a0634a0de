"""The page: complete, escaped, self-contained, and written as a whole or not at all."""

# ruff: noqa: RUF001 - pages have real minus and multiplication signs

from __future__ import annotations

import math
import re
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leyden import plots
from leyden.errors import InputError
from leyden.report import Claim, Report, Source, write_together
from leyden.report.tables import format_interval, format_number, table

VOID = {"meta", "link", "br", "img", "input", "hr"}
HOSTILE = "<script>alert('x')</script> & \"quotes\" {{ 7 * 7 }} </style> <b>"


class Page(HTMLParser):
    """Reads a page, checks that tags are balanced, and keeps what the tests ask for."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.tags: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open, f"left open: {self.open}"
        assert len(set(self.ids)) == len(self.ids), "ids are unique"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(str(value))
            if name in {"src", "href", "xlink:href", "action", "srcset", "data"}:
                self.links.append(str(value))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another tag"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in {"script", "style"}:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def full_report(words: str = "plain") -> Report:
    line, dots = plots.subplots(), plots.subplots()
    line[1].plot([1.0, 2.0, 2.5])
    rng = np.random.default_rng(0)
    dots[1].plot(*rng.normal(size=(2, 5000)), "o", markersize=1)
    frame = pd.DataFrame(
        {"id": [words, "b"], "formula": ["Li2WS4", words], "G_GPa": [3.4, np.nan], "s": [0.2, 0.1]}
    )
    return (
        Report(words, words)
        .section(words)
        .text(words, "run `leyden data list`")
        .figure(line[0], caption=words, alt=words)
        .figure(line[0], caption=words, alt=words, command="leyden evaluate")
        .figure(dots[0], caption=words, alt=words)
        .section("Ranking")
        .table(frame, caption=words, units={"G_GPa": words}, uncertainties={"G_GPa": "s"})
        .section("None")
        .table(frame.iloc[:0], caption="nothing")
        .claims(
            [
                Claim("a", words, words, 0.1268, 0.1084, (0.1, 0.12), words, False, ("<=", 0.1268)),
                Claim("b", words, "", 0.1, 0.2, None, "ours", True, ("<=", 0.1)),
                Claim("c", words, "", 5.0, None, None, "the data cannot be had"),
            ]
        )
        .sources([Source(words, 1181, "ab" * 32, words, words, words)])
        .warnings([words])
        .provenance(command=f"leyden {words}", version="0.1", commit="abc", seconds=421.3)
    )


def test_the_page_is_balanced_and_asks_the_net_nothing() -> None:
    html = full_report().html()
    page = Page(html)
    assert (page.tags.count("svg"), page.tags.count("img")) == (2, 1)
    for link in page.links:
        assert link.startswith(("#", "data:")), link
    assert not re.search(r"https?:|//[a-z]+\.|@import|\burl\((?!#)|fetch\(|XMLHttp", html)
    inside = {link[1:] for link in page.links if link.startswith("#")}
    assert inside <= set(page.ids), "links inside the page lead somewhere"


def test_everything_is_escaped() -> None:
    page = Page(full_report(HOSTILE).html())
    assert page.tags.count("script") == 1
    assert page.tags.count("b") == 3, "the three numbers of the figures, and no other"
    assert page.text.count(HOSTILE) >= 20
    assert "49" not in page.text, "no template is filled in twice"


@settings(max_examples=40, deadline=None)
@given(st.text(min_size=1))
def test_any_text_leaves_the_page_whole(words: str) -> None:
    report = Report(words, words).section(words).text(words)
    report.table(pd.DataFrame({words: [words], "formula": [words]}), caption=words)
    tags = Page(report.html()).tags
    assert tags.count("script") == 1
    assert tags.count("td") == (1 if words == "formula" else 2)


def test_the_lead_comes_first_and_claims_say_what_holds() -> None:
    text = Page(full_report("finding").html()).text
    assert text.index("finding") < text.index("Published and measured")
    assert "3 claims: 1 holding, 1 not holding, 1 not measured" in text
    assert "✓ holds" in text
    assert "✗ does not hold" in text
    assert "Not measured: the data cannot be had" in text
    assert "0.1084 [0.1000, 0.1200]" in text
    assert "different protocol" in text
    assert "same protocol" in text
    assert "3.40 ± 0.20" in text
    assert "Leyden 0.1 · commit abc · wall time 7 min 1 s" in text


def test_captions_name_the_command() -> None:
    text = Page(full_report("x").html()).text
    captions = re.findall(r"Figure \d\. .*? Made by (leyden \w+) \.", text)
    assert captions == ["leyden x", "leyden evaluate", "leyden x"]


def test_equal_reports_are_equal_files() -> None:
    assert full_report().html() == full_report().html()


def test_figures_take_the_smaller_form() -> None:
    few, many = plots.subplots(), plots.subplots()
    few[1].plot([1, 2])
    noise = np.random.default_rng(0).normal(size=(2, 20000))
    many[1].plot(*noise, "o", markersize=1)
    tags = Page(Report("t", "l").section("s").figure(few[0], caption="c", alt="a").html()).tags
    assert "svg" in tags
    assert "img" not in tags
    tags = Page(Report("t", "l").section("s").figure(many[0], caption="c", alt="a").html()).tags
    assert "img" in tags
    assert "svg" not in tags


def test_a_block_needs_a_section_and_a_figure_its_words() -> None:
    with pytest.raises(InputError, match="section"):
        Report("t", "l").text("homeless")
    with pytest.raises(InputError, match="alt"):
        Report("t", "l").section("s").figure(plots.subplots()[0], caption="c", alt=" ")


# Numbers and tables


@pytest.mark.parametrize(
    ("value", "uncertainty", "text"),
    [
        (0.108437, 0.0031, "0.1084"),
        (0.108437, 0.031, "0.108"),
        (0.108437, 0.0072, "0.108"),
        (0.108437, 0.0097, "0.108"),
        (12345.6, 120.0, "12,350"),
        (0.0, 0.1, "0.00"),
        (-0.001, 0.5, "0.0"),
        (3.2e-9, 1e-10, "3.20 × 10⁻⁹"),
        (0.1268, None, "0.1268"),
        (40.0, None, "40"),
        (12950.0, None, "12,950"),
        (-38.54, None, "−38.54"),
        (1181, None, "1,181"),
        (1.5e-7, None, "1.5 × 10⁻⁷"),
        (1e8, None, "1 × 10⁸"),
        (9.99996, None, "10"),
        (math.nan, None, "–"),
        (-math.inf, None, "−∞"),
        (1.5, 0.0, "1.5"),
        (1.5, math.nan, "1.5"),
    ],
)
def test_numbers_have_the_digits_that_they_deserve(
    value: float, uncertainty: float | None, text: str
) -> None:
    assert format_number(value, uncertainty) == text


@given(
    st.floats(-1e5, 1e5, allow_nan=False),
    st.floats(1e-4, 1e4, allow_nan=False),
)
def test_rounding_stays_within_the_uncertainty(value: float, uncertainty: float) -> None:
    shown = format_number(value, uncertainty).replace(",", "").replace("−", "-")
    assert abs(float(shown) - value) <= 0.5 * uncertainty


def test_an_interval_is_shown_with_one_digit_more_than_it_supports() -> None:
    assert format_interval(0.12684, (0.1211, 0.1325)) == "0.1268 [0.1211, 0.1325]"
    assert format_interval(2.6, None) == "2.6"


def test_tables_keep_raw_values_for_sorting_and_saving() -> None:
    frame = pd.DataFrame(
        {
            "formula": ["Li7La3Zr2O12", "LiB(NO2)2"],
            "chi": [1.23456789, np.nan],
            "n": [12000, 7],
            "known": [True, False],
            "note": [None, "a<b"],
        }
    )
    made = table(frame, units={"chi": "kJ/(mol nm)"}, names={"chi": "stability"})
    assert [(c.name, c.unit, c.numeric) for c in made.columns] == [
        ("formula", "", False),
        ("stability", "kJ/(mol nm)", True),
        ("n", "", True),
        ("known", "", False),
        ("note", "", False),
    ]
    first, second = made.rows
    assert first[0].shown == ("Li<sub>7</sub>La<sub>3</sub>Zr<sub>2</sub>O<sub>12</sub>")
    assert second[0].shown == "LiB(NO<sub>2</sub>)<sub>2</sub>"
    assert (first[0].raw, first[1].raw) == ("Li7La3Zr2O12", "1.23456789")
    assert (second[1].shown, second[1].raw) == ("–", "")
    assert (first[2].shown, first[2].raw) == ("12,000", "12000")
    assert [row[3].shown for row in made.rows] == ["yes", "no"]
    assert (first[4].shown, second[4].shown) == ("–", "a<b")


def test_a_column_has_one_number_of_decimals_unless_that_hides_a_value() -> None:
    even = table(pd.DataFrame({"x": [0.324, 0.07373, 0.9]}))
    assert [row[0].shown for row in even.rows] == ["0.3240", "0.0737", "0.9000"]
    wide = table(pd.DataFrame({"x": [3e-9, 2.5, 1e8]}))
    assert [row[0].shown for row in wide.rows] == ["3 × 10⁻⁹", "2.5", "1 × 10⁸"]


def test_long_texts_get_a_broad_column() -> None:
    frame = pd.DataFrame({"short": ["a"], "long": ["word " * 8], "number": [1.0]})
    assert [column.long for column in table(frame).columns] == [False, True, False]


def test_a_count_is_told_to_its_last_digit() -> None:
    claim = Claim("n", "candidates", measured=19_717_403_706, protocol="all")
    assert claim.to_json()["measured"] == 19_717_403_706
    page = Report("t", "l").claims([claim]).section("s").text("x").html()
    assert "19,717,403,706" in page


def test_a_table_setting_must_name_a_column() -> None:
    with pytest.raises(InputError, match=r"'y'.*name one of x"):
        table(pd.DataFrame({"x": [1]}), units={"y": "V"})


# Files


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """As on a full disk, a file of this process cannot grow beyond `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_the_old_files_and_nothing_else(tmp_path: Path) -> None:
    write_together(tmp_path, {"a.txt": "old a", "b.txt": "old b"})
    with largest_file(1000), pytest.raises(InputError, match=r"cannot write a\.txt and b\.txt"):
        write_together(tmp_path, {"a.txt": "new a", "b.txt": "b" * 5000})
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "a.txt": "old a",
        "b.txt": "old b",
    }


def test_a_folder_that_cannot_be_written_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(InputError, match="Remedy: choose a folder"):
        Report("t", "l").write(tmp_path / "file" / "report.html")


def test_a_folder_in_the_place_of_a_file_leaves_the_other_file_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "b.txt").mkdir()
    with pytest.raises(InputError, match=r"b\.txt is a folder"):
        write_together(tmp_path, {"a.txt": "a", "b.txt": "b"})
    assert [path.name for path in tmp_path.iterdir()] == ["b.txt"]


def test_writing_is_interrupted_without_traces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        Report("t", "l").write(tmp_path / "report.html")
    assert not list(tmp_path.iterdir())


def test_a_page_is_written_in_utf8(tmp_path: Path) -> None:
    path = Report("λ_crit", "Å").write(tmp_path / "new" / "report.html")
    assert "λ_crit" in path.read_text(encoding="utf-8")

"""The page that the command writes."""

import re
from html import unescape


def words_of(path):
    """Return what a page shows, without its markup."""
    text = re.sub(r"<style>.*?</style>", "", path.read_text("utf-8"), flags=re.S)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", text)).split())


def test_the_page_has_the_numbers_of_the_tables(run, path, tmp_path):
    page = tmp_path / "page.html"
    result = run(path, report=page)
    assert f"Report: {page}" in result.output
    words = words_of(page)
    before, after = result.cells("accuracy")[::2]
    found = re.search(r" Accuracy ([\d.]+) % .*? ([\d.]+) % ", words)
    assert abs(float(found[1]) / 100 - before) < 5e-3
    assert abs(float(found[2]) / 100 - after) < 5e-3
    assert "Test rows that equal one of them" in words


def test_labels_are_called_as_in_the_table(run, path, tmp_path):
    page = tmp_path / "page.html"
    run(path, report=page)
    assert "Selected: predicted yes." in words_of(page)
    assert "Favourable label yes; other: no" in words_of(page)
    run(path, report=page, target="region", positive="north")
    assert "Favourable label north; other: not north" in words_of(page)


def test_columns_are_reported_one_by_one_and_crossed(run, path, tmp_path):
    page = tmp_path / "page.html"
    run(path, "--sensitive=member", report=page)
    words = words_of(page)
    assert "Report of a correction: demographic parity by sex, member" in words
    for part in ("sex", "member", "sex, member"):
        assert f"Decisions by {part}" in words
    assert "sex=Female, member=True" in words


def test_the_bound_on_the_ratio_is_the_one_that_was_asked_for(run, path, tmp_path):
    page = tmp_path / "page.html"
    run(path, report=page, min_ratio=0.6)
    assert "At least 0.60 in every group" in words_of(page)


def test_what_cannot_be_written_is_refused_before_the_work(refusal, path, tmp_path):
    assert "must end in one of .html, .htm" in refusal(path, report=tmp_path / "a.txt")
    assert "there is no folder" in refusal(path, report=tmp_path / "none" / "a.html")


def test_a_report_needs_groups(refusal, path, tmp_path):
    error = refusal(
        path,
        objective="adversarial_robustness",
        sensitive=None,
        report=tmp_path / "page.html",
    )
    assert "--sensitive is missing" in error
    assert not list(tmp_path.iterdir())

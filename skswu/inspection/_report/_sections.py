"""The document of a report, its sentences made from the tables."""

from . import _page_tables as pages
from . import _wording as words
from ._comparison import ALL_ROWS
from ._document import Bullets, Document, Figure, Paragraph, Section
from ._figures import MISSING, changed_figure, selection_figure
from ._measures import ACCURACY, GAPS

#: Of a feature with more groups, the page shows the largest; the tables have them all.
_MAX_ROWS = 40

#: More test rows that equal training rows than this share are told on top.
_MANY_REPEATED = 0.05


def make_document(tables, setting, cautions):
    """Return the Document of a report.

    Parameters
    ----------
    tables : dict of str to DataFrame
        Of the report.
    setting : Setting
        Of the report.
    cautions : list of str
        Sentences.
    """
    makers = [_summary, _decisions, _others, _changes, _how, _provenance]
    sections = [make(tables, setting) for make in makers]
    question = "What does this report not say?"
    sections.append(Section("cautions", "Cautions", question, [Bullets(cautions)]))
    numbered = [
        Section(part.key, f"{number}. {part.title}", part.question, part.blocks)
        for number, part in enumerate(sections, start=1)
    ]
    return Document(setting.title, setting.subtitle, numbered)


# The summary


def _summary(tables, setting):
    caption = (
        f"Measured on {words.plural(setting.n_rows, 'test row')}; below each number "
        f"its {setting.percent} interval"
    )
    blocks = [
        Paragraph(_lead(tables, setting), "lead"),
        pages.verdicts(tables["verdicts"], caption),
        Paragraph(
            "“Yes” and “no” are given where the whole interval is on one side of the "
            "bound; else these rows do not decide. Shares are in per cent, gaps and "
            "changes in percentage points, the change of a gap is that of its size. "
            "The report says what was measured; whether a classifier may be used is "
            "for people to decide.",
            "note",
        ),
    ]
    question = "Did the correction do what was asked, and at what price?"
    if not setting.is_correction:
        question = "What is better, what is worse?"
    return Section("summary", "Summary", question, blocks)


def _lead(tables, setting):
    """Return the first sentences of the report."""
    gaps = tables["measures"].set_index(["feature", "measure"])
    sentences = []
    for measure in setting.aim.main:
        row = gaps.loc[(setting.aim.feature, f"{measure.name}_gap")]
        sentences.append(
            f"The gap in {measure.text} by {setting.aim.feature} ({row.groups}) went "
            f"from {words.points(row.before)} to {words.points(row.after)} percentage "
            "points on the test rows."
        )
    accuracy = gaps.loc[(ALL_ROWS, "accuracy")]
    verb = {"lower": "fell", "higher": "rose"}.get(accuracy["reads"])
    accuracy_from = f"from {words.percent(accuracy.before)}"
    sentences.append(
        f"Accuracy {verb} {accuracy_from} to {words.percent(accuracy.after)}."
        if verb
        else f"Accuracy went {accuracy_from} to {words.percent(accuracy.after)}, "
        "which is no clear change."
    )
    return " ".join([*sentences, *_other_gaps(gaps, setting), *_beware(setting)])


def _beware(setting):
    """Yield a warning where the test rows are largely those of the training."""
    share = (setting.n_repeated or 0) / setting.n_rows
    if share > _MANY_REPEATED:
        yield (
            f"Beware: {words.percent(share)} of the test rows equal training rows, so "
            "that this is hardly a test."
        )


def _other_gaps(gaps, setting):
    """Yield a sentence on the gaps that were not the aim."""
    others = [measure for measure in GAPS if measure not in setting.aim.main]
    reads = {
        measure.text: gaps.loc[(setting.aim.feature, f"{measure.name}_gap"), "reads"]
        for measure in others
    }
    parts = []
    for word in dict.fromkeys(reads.values()):
        names = [name for name, found in reads.items() if found == word]
        parts.append(f"{word} for {words.listing(names)}")
    yield f"The other gaps: {'; '.join(parts)}."


# Decisions by group


def _decisions(tables, setting):
    table = tables["selection"]
    main = table[table["feature"] == setting.aim.feature]
    blocks = [
        _figure(
            selection_figure(main),
            f"Figure 1. Selection rate by {setting.aim.feature}. Hollow circles: "
            f"before; filled diamonds: after; lines: {setting.percent} intervals.",
        )
    ]
    for feature in table["feature"].unique():
        shown, note = _shown(table[table["feature"] == feature])
        blocks.append(pages.rates(shown, feature))
        blocks += [pages.against_the_highest(shown, feature), *note]
    blocks.append(_unknown(tables["unknown"]))
    share = words.chosen_percent(setting.min_share)
    blocks.append(
        Paragraph(
            f"Selected: predicted {setting.favourable}. Impact ratio: a group's "
            "selection rate over the highest of any group that is compared. "
            "Standardized difference: the difference from that rate, over the standard "
            "deviation of a decision in both groups. p: of Fisher's exact test against "
            f"that group. † Under {share} of the rows: counted, compared with none.",
            "note",
        )
    )
    question = "How often does each group get the favourable decision?"
    return Section("decisions", "Decisions by group", question, blocks)


def _unknown(table):
    if table["rows"].any():
        return pages.unknown(table)
    return Paragraph("No row has an unknown group.")


def _figure(drawn, caption):
    svg, label = drawn
    return Figure(svg, label if svg else f"{MISSING} {label}.", caption)


def _shown(table):
    """Return the rows that a page has room for, and a note on the others."""
    if len(table) <= _MAX_ROWS:
        return table, []
    shown = table.nlargest(_MAX_ROWS, "rows").sort_index()
    n_left = len(table) - len(shown)
    text = f"{words.plural(n_left, 'smaller group')} more are in the report's tables."
    return shown, [Paragraph(text, "note")]


# Other measures and errors


def _others(tables, setting):
    measures, errors = tables["measures"], tables["errors"]
    is_of_all = measures["feature"] == ALL_ROWS
    blocks = [pages.measures(measures[is_of_all])]
    for feature in errors["feature"].unique():
        blocks.append(pages.gaps(measures[measures["feature"] == feature], feature))
    for feature in errors["feature"].unique():
        rows = errors[errors["feature"] == feature]
        sizes = rows[rows["measure"] == ACCURACY.name]
        shown, note = _shown(sizes.rename(columns={"cases_before": "rows"}))
        rows = rows[rows["group"].isin(shown["group"])]
        blocks += [pages.errors(rows, feature), *note]
    blocks.append(
        Paragraph(
            "The change of a gap is that of its size. True positive rate: selected "
            f"among rows with the label {setting.favourable}; false positive rate: "
            "selected among the others; precision: rows with that label among the "
            "selected. The report's tables have the changes of all errors, too.",
            "note",
        )
    )
    question = "What else changed, for better or worse, and who bears the errors?"
    return Section("others", "Other measures, and errors by group", question, blocks)


# Changed decisions


def _changes(tables, setting):
    table = tables["changed"]
    main = table[table["feature"] == setting.aim.feature]
    caption = (
        f"Figure 2. Test rows whose decision changed, by {setting.aim.feature} and "
        "recorded label. Hatched, to the right: from no to yes; grey, to the left: "
        "from yes to no."
    )
    blocks = [_figure(changed_figure(main), caption)]
    for feature in table["feature"].unique():
        shown, note = _shown(table[table["feature"] == feature])
        blocks += [pages.changed(shown, feature), *note]
    if "implicit_guess" in tables:
        blocks.append(pages.guesses(tables["implicit_guess"], setting.aim.feature))
    question = "Whose decision is another one after the correction?"
    return Section("changes", "Changed decisions", question, blocks)


# How it was done, and from what


def _how(tables, setting):
    question = "What did the correction change in the training?"
    if not setting.is_correction:
        text = (
            "Two classifiers are compared. How the second came from the first, if it "
            "did, is not recorded in it."
        )
        return Section("how", "How it was done", question, [Paragraph(text)])
    blocks = [Paragraph(_about_weights(tables["weights"]))]
    blocks += [pages.weights(tables["weights"]), pages.checks(tables["checks"])]
    if setting.warnings is None:
        text = "Which warnings the correction met was not recorded."
        blocks.append(Paragraph(text, "note"))
    elif setting.warnings:
        blocks += [Paragraph("Warnings met:"), Bullets(setting.warnings)]
    else:
        blocks.append(Paragraph("The correction met no warning.", "note"))
    return Section("how", "How it was done", question, blocks)


def _about_weights(table):
    n_rows = int(table["rows"].sum())
    n_left_out = int(table["left_out"].sum())
    return (
        "The parameters of the classifier were moved to where other weights of its "
        f"{words.plural(n_rows, 'training row')} would have put them. A weight of 1 is "
        f"as before, 0 leaves a row out ({words.plural(n_left_out, 'row')}). "
        "Weights are a technical means: a low weight says nothing about the person "
        "behind a row, and no decision about that person was changed by it."
    )


def _provenance(tables, setting):
    blocks = [pages.provenance(tables["provenance"])]
    question = "From what, with what and when was this made?"
    return Section("provenance", "Provenance", question, blocks)

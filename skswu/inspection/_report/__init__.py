"""The parts of a CorrectionReport: counts, intervals, tables, sentences, pages.

``_inputs`` reads what a report is made from, ``_paired_counts`` counts and draws it,
``_measures`` and ``_intervals`` say what is measured and how sure that is, ``_tables``
and its neighbours put it into data frames, ``_sections`` turns these into a document,
and ``_html`` and ``_markdown`` write a document down.
"""

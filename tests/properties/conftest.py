"""How many cases are drawn, and whether each run draws the same ones."""

import os

from hypothesis import HealthCheck, settings

CASES = os.environ.get("SKSWU_FUZZ_CASES")

# Cases hold whole fits, whose time depends on what else the machine does.
common = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile(
    "share", max_examples=160, derandomize=True, database=None, **common
)
settings.register_profile(
    "fuzz", max_examples=int(CASES or 1), print_blob=True, **common
)
settings.load_profile("fuzz" if CASES else "share")

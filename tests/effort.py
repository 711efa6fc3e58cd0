"""How many examples a property test draws: few in every run, many in the long checks."""

import os


def examples(usual: int, long: int) -> int:
    """`usual` in a normal run, `long` with HEADWATER_VERIFY=1."""
    return long if os.environ.get("HEADWATER_VERIFY") == "1" else usual

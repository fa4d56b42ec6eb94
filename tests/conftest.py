"""Hypothesis profiles: ``ci`` draws the same examples every time, ``explore`` new ones and more.

``HYPOTHESIS_PROFILE=explore pytest tests/network/test_properties.py`` goes looking.
"""

from __future__ import annotations

import os
import signal

from hypothesis import HealthCheck, settings

_PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

settings.register_profile("ci", _PATIENT, max_examples=150, derandomize=True, database=None)
settings.register_profile("explore", _PATIENT, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

# A shell that runs the tests in the background ignores Ctrl-C, and so would every command that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

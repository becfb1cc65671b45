"""What holds for all tests."""

from hypothesis import settings

# A loaded machine makes single examples slow; no test may depend on the clock.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

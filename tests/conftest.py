"""For all tests: Hypothesis looks at answers, not at how busy the machine is, and finds the same cases in every run."""

from hypothesis import settings

settings.register_profile("albumen", deadline=None, derandomize=True)
settings.load_profile("albumen")

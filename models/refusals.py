"""The base of everything a mechanism refuses: one subclass for each way to fail, beside the code that refuses."""


class Refusal(Exception):
    """A mechanism did not do what was asked, changed nothing, and says why."""

"""What cannot be done as somebody asks for it."""


class Refused(ValueError):
    """The message says why. `at` names the field of the request that is wrong; empty where the request is well-formed
    and how things stand is against it."""

    def __init__(self, message: str, at: str = "") -> None:
        super().__init__(message)
        self.at = at


class Unknown(Refused):
    """What is named is not there."""

"""What the studio refuses, each with its status of HTTP. A UserError of another type is status 400."""

from ganvas.errors import UserError


class NotFoundError(UserError):
    """There is no such run, set or image."""

    http_status = 404


class ConflictError(UserError):
    """The state of a run does not allow it: it trains already, or a name is taken."""

    http_status = 409


class BusyError(UserError):
    """Too much is asked at once: try again."""

    http_status = 503


class TooLargeError(UserError):
    """More bytes than are taken."""

    http_status = 413

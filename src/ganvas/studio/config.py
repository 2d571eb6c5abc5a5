"""The options of the studio's server."""

from ipaddress import ip_address
from typing import Annotated, Self

from pydantic import Field, model_validator

from ganvas.settings import Flag, Settings


class StudioConfig(Settings):
    """Where the server listens, and who may ask."""

    host: Annotated[str, Flag("ADDRESS")] = Field(default="127.0.0.1", min_length=1, max_length=253)
    """Address to listen at (default: 127.0.0.1, this machine alone). Any other needs --token."""
    port: Annotated[int, Flag("N")] = Field(default=8000, ge=0, le=65535)
    """Port to listen at (default: 8000); 0 takes a free one."""
    token: Annotated[str | None, Flag("T")] = Field(default=None, min_length=8, max_length=200)
    """A password of 8 characters or more, without which the server answers nothing."""

    @model_validator(mode="after")
    def _open_to_others_needs_a_token(self) -> Self:
        if not is_loopback(self.host) and self.token is None:
            raise ValueError(f"--host {self.host} lets other machines in: give --token T as well")
        if self.token is not None and not (self.token.isascii() and self.token.isprintable() and " " not in self.token):
            raise ValueError("--token takes letters, digits and signs, without spaces")
        return self


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine alone."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"

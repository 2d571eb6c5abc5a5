"""Pictures and their labels: sources, preparing, prepared sets."""

from ganvas.data.opening import open_source
from ganvas.data.prepared import Prepared
from ganvas.data.sources import SOURCES
from ganvas.data.spec import Data

__all__ = ["SOURCES", "Data", "Prepared", "open_source"]

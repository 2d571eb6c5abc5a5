"""Images and their labels: sources, preparing, prepared sets."""

from ganvas.data.config import DataConfig
from ganvas.data.opening import open_source
from ganvas.data.prepared import PreparedSet
from ganvas.data.sources import SOURCES

__all__ = ["SOURCES", "DataConfig", "PreparedSet", "open_source"]

"""Images and their labels: sources, preparation, prepared sets, batches."""

from ganvas.data.cache import open_source
from ganvas.data.config import DataConfig
from ganvas.data.prepared import PreparedSet
from ganvas.data.sources import SOURCES

__all__ = ["SOURCES", "DataConfig", "PreparedSet", "open_source"]

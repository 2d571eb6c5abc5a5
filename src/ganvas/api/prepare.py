"""`ganvas.prepare`."""

from typing import Unpack

from ganvas.api.dataset import Dataset
from ganvas.api.keywords import DataOptions, Place, documented, given, in_keywords, source_text
from ganvas.data import DataConfig, open_source
from ganvas.settings import parse


@documented(DataConfig)
def prepare(source: Place, **options: Unpack[DataOptions]) -> Dataset:
    """Prepares a source once, below GANVAS_CACHE or your cache folder, and opens it.

    source: a folder with a folder for each class, a file, the name of a known set, or hf:owner/name.
    UserError, in one sentence, for a source or an option that does not fit.
    """
    with in_keywords():
        text, config = source_text(source), parse(DataConfig, given(options))
        return Dataset.of(open_source(text, config), text, config)

"""`ganvas.load`."""

from ganvas.api.keywords import Place, in_keywords, path_of
from ganvas.api.run import Run
from ganvas.runs.hub import download_generator, is_hub_name
from ganvas.runs.paths import refuse_no_run


def load(run: Place, fast: bool = False) -> Run:
    """Opens a run's folder, finished or not, a bundle, or the generator `owner/name` of the Hugging Face Hub.

    A folder here wins: the Hub is asked only where there is no folder `owner`. UserError, with the nearest name, if it
    is none of them.

    fast: samples in bfloat16 where the CPU multiplies it, a fraction of a grey level off on average.
    """
    with in_keywords():
        path = path_of(run)
        if isinstance(run, str) and not path.parent.is_dir() and is_hub_name(run):
            path = download_generator(run)
        refuse_no_run(path)
        opened = Run(path, fast)
        # What is damaged is found now. A run need not have a generator yet, and may be a classifier's.
        _ = opened.sampler if opened.is_bundle else opened.record
        return opened

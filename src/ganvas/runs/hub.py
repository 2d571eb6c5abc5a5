"""Generators on the Hugging Face Hub: loaded from it, and uploaded to it with the user's own login.

The only file that imports `huggingface_hub`. Tested with a stand-in for it; never run against the Hub itself.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ganvas.errors import RunFailedError, UserError, client_errors, quiet_loggers
from ganvas.runs.bundle import PUBLISHED
from ganvas.runs.sealed import MANIFEST

NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
MOST_BYTES = 1 << 30
CLIENT = "huggingface_hub"
TASK = "unconditional-image-generation"  # the Hub's only task for generators without a text, class-conditional or not
# Reasons by the names of exception classes, the first that occurs in the name of an error or of what it comes from.
REASONS = {
    "GatedRepo": "it is gated: accept its terms on its page and log in with `hf auth login`",
    "OfflineMode": "the Hub is switched off by HF_HUB_OFFLINE",
    "RepositoryNotFound": "there is no such public repository; it may be private, gated or misspelt",
    "RevisionNotFound|EntryNotFound": "it lacks a file that every generator of ganvas has",
    "LocalToken|LocalEntryNotFound|Connect|Timeout": "the Hub cannot be reached",
}


def is_hub_name(name: str) -> bool:
    """Whether a text may be `owner/name` on the Hub."""
    return NAME.fullmatch(name) is not None and ".." not in name and "--" not in name


def require_hub_name(name: str) -> None:
    """UserError unless the text may be a name on the Hub."""
    if not is_hub_name(name):
        raise UserError(
            f"a repository on the Hub is written owner/name, in letters, digits, '-', '_' and '.': {name!r}"
        )


def download_generator(name: str) -> Path:
    """The folder, in the Hub's own cache, with the weights of a generator and what they are; no other file is loaded.

    What was downloaded before is used where the Hub cannot be reached. UserError, in one sentence, for everything else.
    """
    require_hub_name(name)
    wanted = [*PUBLISHED, MANIFEST]
    with hub_errors(f"{name} cannot be loaded from the Hub"):
        import huggingface_hub

        try:
            listed = huggingface_hub.HfApi().model_info(name, files_metadata=True).siblings or []
        except Exception:
            with quiet_loggers(CLIENT):
                try:
                    return Path(huggingface_hub.snapshot_download(name, allow_patterns=wanted, local_files_only=True))
                except Exception:
                    pass  # the first error is the one to show
            raise
        sizes = {file.rfilename: file.size or 0 for file in listed}
        if missing := [file for file in wanted if file not in sizes]:
            raise UserError(f"{name} on the Hub is no generator of ganvas: it has no {missing[0]}")
        if sum(sizes[file] for file in wanted) > MOST_BYTES:
            raise UserError(f"{name} on the Hub has more than {MOST_BYTES >> 30} GB of weights, which are not loaded")
        return Path(huggingface_hub.snapshot_download(name, allow_patterns=wanted))


def upload_export(folder: Path, name: str, private: bool) -> str:
    """Uploads an exported folder to `owner/name`, made if it is not there, and returns its address.

    With the login that `hf auth login` keeps. RunFailedError, in one sentence, leaves the folder as it is.
    """
    require_hub_name(name)
    try:
        with hub_errors(f"{folder} was not uploaded to {name}"):
            import huggingface_hub

            api = huggingface_hub.HfApi()
            address = str(api.create_repo(name, repo_type="model", private=private, exist_ok=True))
            api.upload_folder(repo_id=name, folder_path=folder, repo_type="model", commit_message="Export of ganvas")
            return address
    except UserError as error:
        raise RunFailedError(f"{error}; log in with `hf auth login`, and the same command tries again") from None


def front_matter(
    name: str, licence: str, dataset: str, hub_dataset: str | None, figures: Sequence[tuple[str, str, float]]
) -> str:
    """The YAML at the top of a card. figures: (kind, name, value) of measurements on held-out images of `dataset`."""
    from huggingface_hub import EvalResult, ModelCardData

    results = [
        EvalResult(
            task_type=TASK,
            task_name="class-conditional image generation",
            dataset_type=hub_dataset or "held-out-images",
            dataset_name=f"{dataset}, held-out images",
            metric_type=kind,
            metric_name=words,
            metric_value=value,
        )
        for kind, words, value in figures
    ]
    data = ModelCardData(
        library_name="ganvas",
        license=licence,
        pipeline_tag=TASK,
        tags=[TASK, "class-conditional-image-generation", "gan", "onnx"],
        datasets=[hub_dataset] if hub_dataset else None,
        model_name=name,
        eval_results=results or None,
    )
    return str(data.to_yaml())


@contextmanager
def hub_errors(what: str) -> Iterator[None]:
    """Turns every error of the Hub's client into one sentence, and hides its retries and warnings."""
    with client_errors(what, REASONS), quiet_loggers(CLIENT):
        yield

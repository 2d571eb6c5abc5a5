import io
import shutil
import struct
import tarfile
import zipfile

import numpy as np
import pytest

from ganvas.data import DataConfig, open_source
from ganvas.data.sources import archive
from ganvas.errors import UserError


def opened(path, **choices):
    return open_source(str(path), DataConfig(**choices))


@pytest.fixture
def pets(class_folder):
    """A folder of two classes."""
    return class_folder(cats=12, dogs=8)


def encoded(image):
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def members(draw):
    """Name -> bytes of a set of two classes."""
    return {f"{name}/{seed}.png": encoded(draw(seed)) for seed, name in enumerate(["cats", "dogs"] * 10)}


def write_zip(path, members, **options):
    with zipfile.ZipFile(path, "w", **options) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def write_tar(path, members, mode="w"):
    with tarfile.open(path, mode) as file:
        for name, data in members.items():
            info = tarfile.TarInfo(name) if isinstance(name, str) else name
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return path


@pytest.mark.parametrize(
    ("form", "suffix"),
    [
        ("zip", ".zip"),
        ("tar", ".tar"),
        ("gztar", ".tar.gz"),
        ("gztar", ".tgz"),
        ("xztar", ".tar.xz"),
        ("bztar", ".tar.bz2"),
    ],
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_an_archive_is_read_like_the_folder_that_it_holds(pets, tmp_path, form, suffix, wrapped):
    root, base = (pets.parent, "pets") if wrapped else (pets, ".")
    made = shutil.make_archive(str(tmp_path / "made"), form, root, base)
    path = shutil.move(made, tmp_path / f"set{suffix}")
    prepared, folder = opened(path), opened(pets)
    assert prepared.fingerprint == folder.fingerprint
    assert prepared.name == "set"
    assert prepared.manifest.layout == f"a folder per class, from a {suffix} archive"


def test_the_content_and_not_the_suffix_says_how_an_archive_is_packed(pets, tmp_path):
    path = shutil.make_archive(str(tmp_path / "set"), "gztar", pets)
    assert opened(shutil.move(path, tmp_path / "set.zip")).classes == ("cats", "dogs")


def test_nothing_is_left_of_what_was_unpacked(pets, tmp_path):
    prepared = opened(shutil.make_archive(str(tmp_path / "set"), "zip", pets))
    assert {path.name for path in prepared.folder.iterdir()} <= {
        "pixels.npy", "labels.npy", "train.npy", "held_out.npy", "manifest.json"
    }  # fmt: skip


def test_splits_at_the_top_are_no_wrapping(pets, tmp_path):
    path = shutil.make_archive(str(tmp_path / "set"), "zip", pets)
    with zipfile.ZipFile(path) as file:
        inside = {f"train/{name}": file.read(name) for name in file.namelist() if not name.endswith("/")}
    assert opened(write_zip(tmp_path / "train.zip", inside)).classes == ("cats", "dogs")


def test_a_wrapped_set_of_one_class_keeps_its_class(tmp_path, members):
    inside = {f"pets/{name}": data for name, data in members.items() if name.startswith("cats")}
    assert opened(write_zip(tmp_path / "set.zip", inside)).classes == ("cats",)
    deeper = {f"a/b/{name}": data for name, data in members.items()}
    assert opened(write_zip(tmp_path / "deep.zip", deeper)).classes == ("cats", "dogs")


def test_tables_idx_files_and_celeba_in_archives_are_read(tmp_path, members, idx_folder, celeba_folder):
    names = list(members)
    table = "file_name,label\n" + "".join(f"{name},{index % 4}\n" for index, name in enumerate(names))
    assert len(opened(write_zip(tmp_path / "t.zip", {**members, "metadata.csv": table})).classes) == 4
    assert opened(shutil.make_archive(str(tmp_path / "i"), "gztar", idx_folder())).classes == tuple("0123456789")
    faces = shutil.make_archive(str(tmp_path / "f"), "zip", celeba_folder(20))
    assert opened(faces, attribute="Smiling").classes == ("not Smiling", "Smiling")


def test_one_npz_in_an_archive_is_the_set(tmp_path):
    file = io.BytesIO()
    images = np.random.default_rng(0).integers(0, 256, (20, 16, 16), np.uint8)
    np.savez(file, images=images, labels=np.arange(20) % 2)
    prepared = opened(write_zip(tmp_path / "set.zip", {"inner/set.npz": file.getvalue()}))
    assert (prepared.pixels[:, 0] == images).all()


def test_what_systems_add_is_left_out(tmp_path, members):
    extra = {"__MACOSX/cats/._0.png": b"x", "cats/._0.png": b"x", "cats/.DS_Store": b"x", "Thumbs.db": b"x"}
    prepared = opened(write_zip(tmp_path / "set.zip", {**members, **extra}))
    assert prepared.classes == ("cats", "dogs")
    assert prepared.manifest.refused == ()


def test_names_from_windows_are_paths(tmp_path, members):
    path = tmp_path / "set.zip"
    write_zip(path, {name.replace("/", "|"): data for name, data in members.items()})
    path.write_bytes(path.read_bytes().replace(b"cats|", b"cats\\").replace(b"dogs|", b"dogs\\"))
    assert opened(path).classes == ("cats", "dogs")


def test_names_in_utf_8_that_do_not_say_so_are_read(tmp_path, members):
    path = write_zip(tmp_path / "set.zip", {name.replace("cats", "고양이"): data for name, data in members.items()})
    whole = bytearray(path.read_bytes())
    for start, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = whole.find(start)
        while at >= 0:
            flags = struct.unpack_from("<H", whole, at + offset)[0]
            struct.pack_into("<H", whole, at + offset, flags & ~0x800)
            at = whole.find(start, at + 4)
    path.write_bytes(whole)
    assert opened(path).classes == ("dogs", "고양이")


HOSTILE = ["../out.png", "/elsewhere/out.png", "cats/../../out.png", "C:/out.png", "..\\out.png"]


@pytest.mark.parametrize("write", [write_zip, write_tar])
@pytest.mark.parametrize("name", HOSTILE)
def test_no_member_is_written_outside_the_scratch_folder(tmp_path, members, write, name, cache):
    before = sorted(tmp_path.iterdir())
    prepared = opened(write(tmp_path / "set.archive", {**members, name: b"out"}))
    assert [(item.name, item.reason) for item in prepared.manifest.refused] == [(name, "leads out of the archive")]
    assert sorted(tmp_path.iterdir()) == [*before, tmp_path / "set.archive"]
    assert not list(cache.rglob("out.png"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused_by_name(tmp_path, members, kind):
    path = tmp_path / "set.tar"
    with tarfile.open(path, "w") as file:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("cats/link.png")
        link.type, link.linkname = kind, "/etc/passwd"
        file.addfile(link)
    assert [(item.name, item.reason) for item in opened(path).manifest.refused] == [
        ("cats/link.png", "is a link or a device")
    ]


def test_a_link_in_a_zip_is_refused_by_name(tmp_path, members):
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as file:
        for name, data in members.items():
            file.writestr(name, data)
        link = zipfile.ZipInfo("dogs/link.png")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        file.writestr(link, "/etc/passwd")
    assert [item.name for item in opened(path).manifest.refused] == ["dogs/link.png"]


def test_a_name_that_is_there_twice_keeps_its_first_file(tmp_path, members):
    path = write_zip(tmp_path / "set.zip", members)
    with zipfile.ZipFile(path, "a") as file, pytest.warns(UserWarning, match="Duplicate name"):
        file.writestr("cats/0.png", b"second")
    assert [(item.name, item.reason) for item in opened(path).manifest.refused] == [
        ("cats/0.png", "is in the archive twice")
    ]


@pytest.mark.parametrize("write", [
    lambda path, members: write_zip(path, members, compression=zipfile.ZIP_DEFLATED),
    lambda path, members: write_tar(path, members, "w:gz"),
])  # fmt: skip
def test_a_bomb_is_refused_before_it_fills_the_disk(tmp_path, monkeypatch, cache, write):
    monkeypatch.setattr(archive, "SMALL_BYTES", 10**6)
    path = write(tmp_path / "set.archive", {"cats/0.png": bytes(2 * 10**7)})
    with pytest.raises(UserError, match=r"unpacks to more than .* MiB, far more than it holds"):
        opened(path)
    assert {path.suffix for path in (cache / "prepared").iterdir()} <= {".state"}


def test_too_many_members_are_refused(tmp_path, monkeypatch, members):
    monkeypatch.setattr(archive, "MOST_MEMBERS", 10)
    with pytest.raises(UserError, match="more than 10 files"):
        opened(write_zip(tmp_path / "set.zip", members))


def test_an_encrypted_archive_is_refused_in_a_sentence(tmp_path, members):
    path = write_zip(tmp_path / "set.zip", members)
    whole = bytearray(path.read_bytes())
    whole[whole.find(b"PK\1\2") + 8] |= 1
    path.write_bytes(whole)
    with pytest.raises(UserError, match="is encrypted: unpack it with its password"):
        opened(path)


def test_an_unknown_compression_is_refused_in_a_sentence(tmp_path, members):
    path = write_zip(tmp_path / "set.zip", members)
    whole = bytearray(path.read_bytes())
    for start, offset in ((b"PK\3\4", 8), (b"PK\1\2", 10)):
        struct.pack_into("<H", whole, whole.find(start) + offset, 9)  # Deflate64
    path.write_bytes(whole)
    with pytest.raises(UserError, match="packed in a way that is not read"):
        opened(path)


@pytest.mark.parametrize("form", ["zip", "tar", "gztar", "xztar"])
def test_a_damaged_archive_is_refused_in_one_sentence(pets, tmp_path, form):
    path = tmp_path / "set"
    made = shutil.make_archive(str(path), form, pets)
    with open(made, "rb") as file:  # noqa: PTH123
        whole = file.read()
    # A tar ends with blocks of zeros, so its middle is sought before its last file.
    middle = whole.rfind(b"ustar") - 100 if form == "tar" else len(whole) // 2
    cases = [whole[:middle], whole[:20], b"", whole[:middle] + b"\xff" * 200 + whole[middle + 200 :]]
    if form == "tar":  # a header, since the files of a plain tar have no checksum
        at = whole.rfind(b"ustar", 0, middle)
        cases[-1] = whole[: at - 100] + b"\xff" * 99 + whole[at - 1 :]
    for data in cases:
        (tmp_path / "set.zip").write_bytes(data)
        with pytest.raises(UserError) as refusal:
            opened(tmp_path / "set.zip")
        assert "\n" not in str(refusal.value)
        assert str(tmp_path) in str(refusal.value)
        assert ".building" not in str(refusal.value)


def test_messages_name_the_archive_and_not_the_scratch_folder(tmp_path, cache):
    with pytest.raises(UserError) as refusal:
        opened(write_zip(tmp_path / "set.zip", {"notes/readme.txt": b"nothing"}))
    assert str(cache) not in str(refusal.value)
    assert str(tmp_path / "set.zip") in str(refusal.value)


def test_an_archive_in_an_archive_is_named(tmp_path):
    inner = write_zip(tmp_path / "inner.zip", {"a.txt": b""}).read_bytes()
    with pytest.raises(UserError, match=r"holds another archive, inner\.zip"):
        opened(write_zip(tmp_path / "set.zip", {"inner.zip": inner}))


def test_unpacking_shows_its_progress(pets, tmp_path, capsys):
    opened(shutil.make_archive(str(tmp_path / "set"), "zip", pets))
    assert "unpacking set.zip 20 of 20 files" in capsys.readouterr().out


def test_a_tar_that_was_cut_off_between_two_files_is_refused(pets, tmp_path):
    path = shutil.make_archive(str(tmp_path / "set"), "tar", pets)
    with open(path, "rb") as file:  # noqa: PTH123
        whole = file.read()
    at = whole.rfind(b"ustar") - 257
    (tmp_path / "set.tar").write_bytes(whole[: at + 100])
    with pytest.raises(UserError, match="damaged"):
        opened(path)


CIFAR = {f"cifar-10-batches-py/{name}": b"\x80\2}q\1." for name in ("data_batch_1", "data_batch_2", "test_batch")}


def test_the_pickles_of_cifar_are_refused_with_what_to_do(tmp_path):
    message = r"holds pickles \(data_batch_1, data_batch_2, test_batch\), which are never loaded.*np\.savez.*hf:uoft-cs"
    path = write_tar(tmp_path / "cifar-10-python.tar.gz", CIFAR, "w:gz")
    with pytest.raises(UserError, match=message) as refusal:
        opened(path)
    assert str(refusal.value).startswith(str(path))
    shutil.unpack_archive(path, tmp_path / "unpacked")
    for folder in (tmp_path / "unpacked", tmp_path / "unpacked" / "cifar-10-batches-py"):
        with pytest.raises(UserError, match=r"data_batch_1.*np\.savez"):
            opened(folder)


def test_a_pickle_beside_images_hinders_nothing(pets):
    (pets / "index.pkl").write_bytes(b"\x80\4.")
    assert opened(pets).classes == ("cats", "dogs")

"""Which files a batch reads: each once, each under a name of its own, the others listed."""

import os
from pathlib import Path

import pytest

from vemoclap.batch import inputs
from vemoclap.errors import DataError, UsageError


def touched(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def names(found) -> list[str]:
    return [item.name for item in found.items]


def test_a_folder_is_searched_to_its_bottom_and_the_rest_is_listed(tmp_path):
    touched(tmp_path, "a.mp4", "b/c/D.MKV", "b/notes.txt", ".hidden.mp4", "b/.git/x.mp4", "mp4")
    found = inputs.find([tmp_path])
    assert names(found) == ["a.mp4", "b/c/D.MKV"]
    assert {(one.path.name, one.reason) for one in found.left_out} == {
        ("notes.txt", "no video by its name"),
        ("mp4", "no video by its name"),
        (".hidden.mp4", "its name starts with a dot"),
        (".git", "its name starts with a dot"),
    }


def test_what_was_named_itself_is_taken_whatever_its_name(tmp_path, monkeypatch):
    touched(tmp_path, "recording")
    monkeypatch.chdir(tmp_path)
    (item,) = inputs.find([Path("recording")]).items
    assert item.name == "recording"
    assert item.path.is_absolute()  # a worker may run elsewhere


def test_same_stems_do_not_collide(tmp_path):
    touched(tmp_path, "a/x.mp4", "b/x.mp4", "b/x.mkv", "a__x.mp4")
    found = inputs.find([tmp_path])
    folders = {inputs.folder_name(name) for name in names(found)}
    assert len(folders) == 4
    assert "a__x.mp4" in folders


def test_two_folders_with_the_same_names_do_not_collide(tmp_path):
    touched(tmp_path, "one/x.mp4", "two/x.mp4")
    first, second = names(inputs.find([tmp_path / "one", tmp_path / "two"]))
    assert first == "x.mp4"
    assert second.startswith("x.mp4-")
    assert names(inputs.find([tmp_path / "one", tmp_path / "two"])) == [first, second]


@pytest.mark.parametrize(
    "name",
    ["new\nline.mp4", "n" * 240 + ".mp4", "🎬 é.mp4", 'a:b*?"<>|.mp4', "...mp4", "a__b.mp4"],
)
def test_any_name_makes_a_folder(name, tmp_path):
    folder = inputs.folder_name(name)
    (tmp_path / folder).mkdir()
    assert folder.isprintable()
    assert folder not in (".", "..")
    others = [f"{name}x", f"x/{name}", name.replace("\n", "_"), name.replace("__", "/")]
    assert folder not in [inputs.folder_name(other) for other in others if other != name]


def test_a_name_that_is_no_text_is_taken(tmp_path):
    path = os.fsencode(tmp_path) + b"/\xff.mp4"
    Path(os.fsdecode(path)).touch()
    (item,) = inputs.find([tmp_path]).items
    assert item.name.encode() == rb"\udcff.mp4"
    assert item.path.exists()


def test_links_are_followed_once(tmp_path):
    touched(tmp_path, "in/a.mp4", "elsewhere/b.mp4")
    (tmp_path / "in/again.mp4").symlink_to(tmp_path / "in/a.mp4")
    (tmp_path / "in/loop").symlink_to(tmp_path / "in")
    (tmp_path / "in/other").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in/third").symlink_to(tmp_path / "elsewhere")
    found = inputs.find([tmp_path / "in", tmp_path / "elsewhere/b.mp4"])
    assert names(found) == ["a.mp4", "other/b.mp4"]
    assert [one.reason.partition(" as ")[0] for one in found.left_out] == [
        "the same file", "the same folder", "the same folder", "the same file",
    ]  # fmt: skip


def test_a_link_to_nothing_and_a_pipe_are_for_the_worker_to_refuse(tmp_path):
    (tmp_path / "gone.mp4").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.mp4")
    assert names(inputs.find([tmp_path])) == ["gone.mp4", "pipe.mp4"]


def test_a_csv_gives_paths_labels_and_splits(tmp_path):
    touched(tmp_path, "v/a.mp4", "v/b.mp4")
    table = tmp_path / "lists" / "videos.csv"
    table.parent.mkdir()
    table.write_text(
        "path,label,split\n../v/a.mp4,Joy,train\n../v/b.mp4,,\n../v/gone.mp4,fear,test\n,,\n"
    )
    found = inputs.find([table])
    assert [(item.name, item.label, item.split) for item in found.items] == [
        ("v/a.mp4", "joy", "train"), ("v/b.mp4", None, None), ("v/gone.mp4", "fear", "test"),
    ]  # fmt: skip
    assert [one.reason for one in found.left_out] == ["line 5 names no file"]


def test_folders_named_like_emotions_are_labels(tmp_path):
    touched(tmp_path, "Joy/a.mp4", "fear/x/b.mp4", "joy/anger/c.mp4", "d.mp4")
    found = inputs.find([tmp_path])
    assert {item.name: item.label for item in found.items} == {
        "Joy/a.mp4": "joy", "fear/x/b.mp4": "fear", "joy/anger/c.mp4": None, "d.mp4": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("name\nx\n", "it needs path"),
        ("path,label\nx.mp4,bliss\n", "line 2: bliss is none of"),
        ("path,split\nx.mp4,dev\n", "line 2: the split dev"),
    ],
)
def test_a_csv_that_is_wrong_is_refused(text, match, tmp_path):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(DataError, match=match):
        inputs.find([tmp_path / "a.csv"])


def test_what_is_not_there_is_refused(tmp_path):
    with pytest.raises(UsageError, match="is not there"):
        inputs.find([tmp_path / "nothing"])
    with pytest.raises(UsageError, match="There is no file"):
        inputs.find([tmp_path])


def test_shares_are_the_whole(tmp_path):
    touched(tmp_path, *(f"{n}.mp4" for n in range(10)), "x.txt")
    found = inputs.find([tmp_path])
    shares = [inputs.part(found, number, 3) for number in (1, 2, 3)]
    assert sorted(name for share in shares for name in names(share)) == sorted(names(found))
    assert [len(share.left_out) for share in shares] == [1, 0, 0]

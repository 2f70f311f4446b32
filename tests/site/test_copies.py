"""`make lab` works on copies: what somebody did in one is never lost, and what nobody touched is kept up to date."""

import json

import lab
import pytest


@pytest.fixture
def built(tmp_path):
    folder = tmp_path / "built"
    folder.mkdir()
    for name in ("00-welcome", "01-first"):
        (folder / f"{name}.ipynb").write_text("as built")
    return folder


def test_copies_are_made_kept_and_brought_up_to_date(built, tmp_path):
    work = tmp_path / "work"
    assert lab.copy(built, work) == []
    mine, other = work / "01-first.ipynb", work / "00-welcome.ipynb"
    mine.write_text("what I did")
    assert lab.copy(built, work) == []
    assert mine.read_text() == "what I did"
    for path in built.iterdir():
        path.write_text("built anew")
    assert lab.copy(built, work) == ["01-first.ipynb"]
    assert (mine.read_text(), other.read_text()) == ("what I did", "built anew")


def test_renewing_keeps_what_was_done(built, tmp_path):
    work = tmp_path / "work"
    lab.copy(built, work)
    mine = work / "01-first.ipynb"
    for done in ("once", "twice"):
        mine.write_text(done)
        assert lab.copy(built, work, renew="first") == []
        assert mine.read_text() == "as built"
    assert (work / "01-first-before-1.ipynb").read_text() == "once"
    assert (work / "01-first-before-2.ipynb").read_text() == "twice"
    assert sorted(json.loads((work / ".copied.json").read_text())) == ["00-welcome.ipynb", "01-first.ipynb"]


def test_the_server_is_for_this_machine_alone(monkeypatch, tmp_path):
    started = []
    monkeypatch.setattr(lab.os, "execv", lambda _, command: started.append(command))
    monkeypatch.setattr(lab.os, "geteuid", lambda: 0)
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "elsewhere")
    lab.serve(tmp_path / "notebooks", "00-welcome.ipynb", ["--no-browser"])
    (command,) = started
    assert "--ip=127.0.0.1" in command
    assert "--allow-root" in command
    assert command[-2:] == ["--LabApp.default_url=/lab/tree/notebooks/00-welcome.ipynb", "--no-browser"]

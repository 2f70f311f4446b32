"""Files of `save`: they load without pickle, bit by bit, and training goes on from them."""

import json
import zipfile

import numpy as np
import pytest
from scipy import stats

import rnnkernel as rk

LAW = rk.InitialLaw(output=stats.uniform(-1, 2), inputs=[stats.norm(0.7, 1)], recurrent=stats.uniform(0, 1))
DATA = rk.DataSequence(rk.MarkovChain([[0.9, 0.1], [0.3, 0.7]]), inputs=[-1.0, 1.5], targets=[[-1.0, 1.5]] * 2)
RNN = rk.RNN.sample(LAW, n_units=20, beta=0.75, rng=0, activation="erf")
STUDY = rk.ConvergenceStudy((10, 20), (0.75,), np.random.default_rng(0).normal(size=(1, 2, 5, 3)), np.ones((1, 2, 3)))


SYMBOLS = rk.SymbolRNN.sample(
    rk.InitialLaw(LAW.output, [stats.norm(mean, 0.5) for mean in (-1, 0, 1)], LAW.recurrent),
    n_units=20,
    beta=0.75,
    rng=0,
    n_outputs=2,
    activation="logistic",
)


@pytest.mark.parametrize(
    "thing",
    [LAW, RNN, SYMBOLS, STUDY, rk.train(RNN, DATA, time=1.0, learning_rate=0.1, rng=0, points=(1.0, [0.1, 0.2]))],
)
def test_what_is_loaded_equals_what_was_saved(thing, tmp_path):
    rk.save(thing, tmp_path / "thing")
    assert rk.load(tmp_path / "thing") == thing
    assert [each.name for each in tmp_path.iterdir()] == ["thing"]


def test_a_key_may_look_like_a_place(tmp_path):
    for thing in (
        {"a": {"b": np.zeros(2)}, "a.b": np.ones(2)},
        {"a": [np.zeros(2)], "a[0]'": np.ones(2), "a[0]": np.full(2, 2.0)},
    ):
        rk.save(thing, tmp_path / "thing.npz")
        found = rk.load(tmp_path / "thing.npz")
        np.testing.assert_equal(found, thing)


@pytest.mark.parametrize("truncation", [1, 4])
@pytest.mark.parametrize("source", [np.random.PCG64, np.random.MT19937, np.random.Philox, np.random.SFC64])
def test_training_goes_on_to_the_bit(truncation, source, tmp_path):
    """With the generator that draws the data, and for τ > 1 with the past that gradients go back to."""
    rng, how = np.random.Generator(source(1)), {"learning_rate": 0.5, "truncation": truncation}
    half = rk.train(RNN, DATA, time=1.0, rng=rng, **how)
    rk.save({"run": half, "rng": rng, "seed": 1}, tmp_path / "half.npz")
    straight = rk.train(half.network, DATA, time=1.0, rng=rng, **how)
    loaded = rk.load(tmp_path / "half.npz")
    again = rk.train(loaded["run"].network, DATA, time=1.0, rng=loaded["rng"], **how)
    assert again == straight
    assert len(again.network.past[0]) == truncation - 1


@pytest.mark.parametrize("loss", ["cross-entropy", "squared"])
def test_a_network_of_symbols_goes_on_to_the_bit(loss, tmp_path):
    """Along a text that it has not read to its end, and with what was recorded until then."""
    text = np.random.default_rng(1).integers(2, size=61)
    half, how = (text[:31], text[1:32]), {"learning_rate": 2.0, "loss": loss}
    rest = text[31:60], text[32:]
    network, record = rk.train_symbols(SYMBOLS, half, **how)
    rk.save((network, record), tmp_path / "half.npz")
    loaded, then = rk.load(tmp_path / "half.npz")
    assert (loaded, then) == (network, record)
    assert loaded.hidden.any()
    assert rk.train_symbols(loaded, rest, **how) == rk.train_symbols(network, rest, **how)
    whole = rk.train_symbols(SYMBOLS, (text[:-1], text[1:]), **how)[0]
    assert np.array_equal(rk.train_symbols(loaded, rest, **how)[0].output, whole.output)


def test_what_needs_pickle_is_refused_by_its_name(tmp_path):
    law = rk.InitialLaw(LAW.output, LAW.inputs, recurrent=lambda W: W[:, 0])
    with pytest.raises(TypeError, match=r"^thing.law.recurrent must be something that is saved without pickle"):
        rk.save({"law": law}, tmp_path / "law")
    assert not list(tmp_path.iterdir())


def test_other_files_are_refused(tmp_path):
    rk.save(RNN, tmp_path / "good")
    whole = (tmp_path / "good").read_bytes()
    (tmp_path / "cut").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text").write_text("[1, 2]")
    (tmp_path / "empty").write_bytes(b"")
    np.savez(tmp_path / "other.npz", x=np.ones(2))
    np.savez(tmp_path / "pickled.npz", header=np.array([{}], dtype=object))
    for name in ("cut", "text", "empty", "other.npz", "pickled.npz"):
        with pytest.raises(ValueError, match=r"path must be a whole file that rnnkernel.save wrote"):
            rk.load(tmp_path / name)
    later = np.frombuffer(json.dumps({"format": 99, "version": "9.0", "thing": 1}).encode(), np.uint8)
    np.savez(tmp_path / "later.npz", header=later)
    with pytest.raises(ValueError, match=r"format 99, written by rnnkernel 9.0"):
        rk.load(tmp_path / "later.npz")


def test_the_file_is_what_is_documented(tmp_path):
    rk.save(RNN, tmp_path / "rnn.npz")
    assert zipfile.is_zipfile(tmp_path / "rnn.npz")
    with np.load(tmp_path / "rnn.npz", allow_pickle=False) as file:
        header = json.loads(bytes(file["header"]))
        np.testing.assert_array_equal(file["thing.output"], RNN.output)
    assert header["format"] == 1
    assert header["version"] == rk.__version__
    assert header["thing"]["kind"] == "RNN"


def test_a_full_disk_leaves_what_was_there(small_disk):
    rk.save(RNN, small_disk / "thing")
    with pytest.raises(OSError, match="path cannot be used"):
        rk.save(np.zeros(10**5), small_disk / "thing")
    assert rk.load(small_disk / "thing") == RNN
    assert [each.name for each in small_disk.iterdir()] == ["thing"]


def test_what_holds_itself_or_cannot_be_kept_exactly_is_refused(tmp_path):
    loop = []
    loop.append(loop)
    for thing in (loop, np.ma.masked_array([1.0, 2.0], mask=[True, False]), np.longdouble(1)):
        with pytest.raises((TypeError, ValueError), match=r"^thing"):
            rk.save(thing, tmp_path / "thing")
    for path in (3, None, tmp_path / ("x" * 1000), tmp_path):
        with pytest.raises((TypeError, OSError), match="path"):
            rk.save(RNN, path)

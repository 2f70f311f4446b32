"""The checks of the built book, and what a reader could answer to them."""

import browsers
import numpy as np

from rnnkernel.exercises import unpacked

NONSENSE = "about right, I think"


def specs():
    """Return the checks of the built book by label."""
    return unpacked((browsers.HTML / "_static" / "checks.js").read_text(encoding="utf-8"))


def values(spec, found):
    """Return those values that an answer gives."""
    return [found[i] for i in spec.get("asked", range(len(found)))]


def typed(spec, found):
    """Return values as a reader types them."""
    return ", ".join(repr(each) if isinstance(each, float) else str(each) for each in values(spec, found))


def answers(spec, generator):
    """Return many answers to a check: right, close, slipped, of the wrong kind, and noise."""
    found = [spec["values"], *(slip for _, slip in spec["slips"])]
    texts = ["", "...", NONSENSE, "1", "1/3", "-2e-3", "50 %", "1, 2", "[1; 2; 3]", "true", "no", "nan", "1e999", "1/0"]
    texts += [typed(spec, each) for each in found]
    texts += [
        texts[-1].replace(".", ","),
        f"q ≈ {texts[-1]} min.",
        f"{texts[-1]} steps²",
        "Λ_1 = 2 percent.",
        "0,86",
        "- 2.3·10^-6",
        "½, ¼",
        "1½",
        "1/¼",
        "1 000",
        "0.4 ± 1e-3 networks",
        "3 ÷ 4",
        "4⁄27",
        "1, ?, 3",
        "0.5 and 2",
        "1, 2, and 3",
        "2.3·10⁻⁶, −9.02 × 10⁺³",
        "(a) 0.833; b: 2/3",
        "0.762 bits per letter",
        "51 draws/step²",
        "about 0.37, roughly -.5",
        "σ² = 10/27, u(1) = 2.5",
        "-10⁻⁴, 10^{3}",
    ]
    if spec["kind"] in ("words", "truth"):
        parts = [part for option in spec.get("options", []) for part in (option, *option.split())]
        return [*texts, *(text.upper() for text in texts), *parts]
    exact = np.array(values(spec, spec["values"]))
    for digits in range(1, 13):
        texts.append(", ".join(f"{value:.{digits}g}" for value in exact))
    texts += [", ".join(f"{value:.2g}" for value in values(spec, slip)) for _, slip in spec["slips"]]
    for size in np.geomspace(1e-9, 10, 21):
        for scale in (exact, np.abs(exact).max(), 1.0):
            texts.append(typed({}, (exact + size * scale * generator.normal(size=exact.shape)).tolist()))
        texts += [typed({}, ((1 + size) * exact).tolist()), typed({}, (exact + size).tolist())]
    texts += [typed({}, generator.permutation(exact).tolist()), typed({}, [*exact.tolist(), 1.0])]
    texts += [typed({}, (factor * exact).tolist()) for _, factor in spec.get("units") or []]
    return texts

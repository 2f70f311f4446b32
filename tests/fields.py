"""The fields of a page that ask for an answer, as a reader uses them."""

from typing import Any


def form(page: Any, label: str) -> Any:
    """Return the field of a check."""
    return page.locator(f"form.rk-answer[data-check='{label}']")


def verdict(page: Any, label: str) -> str | None:
    """Return the kind of what was said of the answer."""
    return form(page, label).locator("output").get_attribute("data-verdict")


def give(page: Any, label: str, spec: dict[str, Any], text: str) -> tuple[str | None, str]:
    """Answer as a reader does, with the keyboard, and return what is said."""
    field = form(page, label)
    if spec.get("options"):
        field.get_by_label(text, exact=True).press(" ")
    elif spec["kind"] == "curve":
        for box, value in zip(field.locator("input").all(), text.split(", ") * 5, strict=False):
            box.fill(value)
    elif spec["kind"] == "truth" and len(spec["values"]) == 1:
        field.get_by_label(text.lower(), exact=True).press(" ")
    else:
        field.locator("input").fill(text)
    field.locator("button[type=submit]").press("Enter")
    return verdict(page, label), field.locator("output").inner_text()

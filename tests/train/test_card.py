import json
from pathlib import Path

import pytest

from bnn_hw.errors import OutputError
from bnn_hw.train.card import CARD, card, write_card

DESIGNS = Path(__file__).parents[2] / "designs"


@pytest.mark.parametrize("name", ["cnv", "cnv5", "ncnv", "ncnv5", "ucnv"])
def test_shipped_cards_tell_what_was_measured(name: str) -> None:
    metrics = json.loads((DESIGNS / name / "metrics.json").read_text())
    text = (DESIGNS / name / CARD).read_text()
    assert text == card(metrics), "write the card again from metrics.json"
    test = metrics["test"]
    assert f"Accuracy {test['accuracy']:.2%}" in text
    assert f"on {test['pictures']:,} pictures of {test['persons']:,} persons" in text
    given = [*metrics["changes"].items(), ("start", metrics.get("start")), ("teacher", metrics["teacher"])]
    options = [f" --{key.replace('_', '-')} {value}" for key, value in given if value is not None]
    assert f"`bnn-hw train {name}{''.join(options)}`" in text
    assert f"{metrics['settings']['epochs']} epochs" in text
    assert "CC BY-NC-SA 4.0" in text
    assert ("no class for a bare face" in text) == (name not in ("cnv5", "ncnv5"))


def test_five_classes_name_their_sources_and_limits() -> None:
    metrics = json.loads((DESIGNS / "ncnv" / "metrics.json").read_text())
    metrics["data"] |= {
        "classes": [*metrics["data"]["classes"][:3], "no_mask"],
        "groups": ["drawn", "photographs"],
    }
    for part in metrics["data"]["pictures"].values():
        part["no_mask"] = part.pop("chin_exposed")
    group = {
        **metrics["test"],
        "mask_or_not": {"balanced_accuracy": 0.875, "mask_accuracy": 0.625, "mask_pictures": 8},
    }
    text = card({**metrics, "recipe": "gate", "teacher": "twin.pt", "test_groups": {"photographs": group}})
    assert text.startswith("# gate\n")
    assert "--teacher twin.pt" in text
    assert "CC0" in text
    assert "Masks drawn by this project over FFHQ" in text
    assert "MaskedFace-Net (A. Cabani" not in text
    assert "| photographs |" in text
    assert "| 62.50% of 8 | 87.50% |" in text
    assert "real photographs judge only mask against no mask" in text


def test_unwritable_folder_is_named(tmp_path: Path) -> None:
    metrics = json.loads((DESIGNS / "ncnv" / "metrics.json").read_text())
    with pytest.raises(OutputError, match=r"MODEL_CARD\.md: cannot be written"):
        write_card(metrics, tmp_path / "none")

"""The model card: what a trained network is, from its metrics.json. Runs without torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bnn_hw.errors import OutputError

CARD = "MODEL_CARD.md"

_FFHQ = (
    "MaskedFace-Net (A. Cabani et al., Smart Health 19, 2021) and the FFHQ photographs under it "
    "(T. Karras et al., CVPR 2019): CC BY-NC-SA 4.0, so what was trained on them is for non-commercial use; "
    "the photographs on Flickr keep their own licences. No picture is part of the model."
)
_LICENCES = {
    "maskedface": _FFHQ,
    "drawn": "Masks drawn by this project over FFHQ photographs, whose licence holds: CC BY-NC-SA 4.0.",
    "photographs": "Photographs of the set Face Mask Detection (Kaggle, andrewmvd): CC0.",
}
_LIMITS = {
    False: (
        "It was trained on faces framed like FFHQ, with MaskedFace-Net's light blue surgical mask, which "
        "is itself drawn. It has no class for a bare face and gives one of its four answers to anything. On "
        "masks of other colours, cloth masks, hands before the face, scarves and other framings its answers "
        "are not to be relied on; `bnn-hw evaluate --robustness` measures some of that."
    ),
    True: (
        "Positions other than correct are known from drawings alone, in MaskedFace-Net or by this project; "
        "real photographs judge only mask against no mask. Hands, scarves and beards were not trained on by "
        "name."
    ),
}


def card(metrics: Mapping[str, Any]) -> str:
    """The model card in Markdown, from what :func:`bnn_hw.train.train.train_recipe` recorded."""
    network, data, settings = metrics["network"], metrics["data"], metrics["settings"]
    classes = data["classes"]
    groups = data.get("groups") or ["maskedface"]
    precision = settings.get("precision", "binary")
    licences = [text for name, text in _LICENCES.items() if any(name in group for group in groups)]
    paragraphs = [
        f"# {metrics['recipe']}",
        f"{network['name']} of the BinaryCoP paper (N. Fasfous et al., 2021), {precision}: "
        f"{network['weights']:,} weights, {network['macs_per_frame']:,} multiply-accumulates a picture. "
        f"Input: 32x32 RGB pixels, 0 to 255. Answers: {', '.join(classes)}.",
        "## Data",
        f"{data['set']}, split by person with seed {settings['split_seed']}: no person is in two parts.",
        _counts(data),
        *licences,
        "## Training",
        f"`{_command(metrics)}`",
        f"{settings['epochs']} epochs of {settings['pictures_per_epoch']:,} draws, seed {settings['seed']}; "
        f"epoch {metrics['best_epoch']} was best on validation. Versions: "
        + ", ".join(f"{name} {version}" for name, version in metrics["versions"].items())
        + ".",
        "## Results",
        "On persons never seen in training; 95 % confidence intervals by Wilson.",
        _results(metrics["test"]),
        *([_groups(metrics["test_groups"])] if metrics.get("test_groups") else []),
        "## Limits",
        _LIMITS["no_mask" in classes],
    ]
    return "\n\n".join(paragraphs) + "\n"


def write_card(metrics: Mapping[str, Any], folder: Path) -> Path:
    """Write the card into ``folder``. Raises OutputError."""
    path = folder / CARD
    try:
        path.write_text(card(metrics), encoding="utf-8")
    except OSError as error:
        raise OutputError.at(path, f"cannot be written: {error}", "choose a writable folder") from error
    return path


def _command(metrics: Mapping[str, Any]) -> str:
    options = [f"--{key.replace('_', '-')} {value}" for key, value in metrics["changes"].items()]
    for name in ("start", "teacher"):
        if metrics.get(name):
            options.append(f"--{name} {metrics[name]}")
    return " ".join(["bnn-hw train", metrics["recipe"], *options])


def _counts(data: Mapping[str, Any]) -> str:
    parts = list(data["pictures"])
    lines = [f"| pictures | {' | '.join(parts)} |", "|---|" + "---:|" * len(parts)]
    for name in data["classes"]:
        lines.append(
            f"| {name} | " + " | ".join(f"{data['pictures'][part][name]:,}" for part in parts) + " |"
        )
    lines.append("| persons | " + " | ".join(f"{data['persons'][part]:,}" for part in parts) + " |")
    return "\n".join(lines)


def _results(test: Mapping[str, Any]) -> str:
    low, high = test["interval"]
    lines = [
        f"Accuracy {test['accuracy']:.2%} ({low:.2%} to {high:.2%}) on {test['pictures']:,} pictures of "
        f"{test['persons']:,} persons, macro recall {test['macro_recall']:.2%}.",
        "",
        "| class | recall | pictures | taken for " + ", ".join(test["classes"]) + " |",
        "|---|---:|---:|---|",
    ]
    for name, row in zip(test["classes"], test["confusion"], strict=True):
        recall = test["recall"][name]
        share = "none" if recall is None else f"{recall:.2%}"
        lines.append(f"| {name} | {share} | {sum(row)} | {', '.join(map(str, row))} |")
    both = test.get("mask_or_not")
    if both:
        lines += ["", f"Mask against no mask: balanced accuracy {both['balanced_accuracy']:.2%}."]
    return "\n".join(lines)


def _groups(groups: Mapping[str, Any]) -> str:
    lines = [
        "| source | accuracy | interval | with a mask alone | mask against no mask | pictures | persons |",
        "|---|---:|---|---:|---:|---:|---:|",
    ]
    for name, test in groups.items():
        low, high = test["interval"]
        both = test.get("mask_or_not")
        balanced = f"{both['balanced_accuracy']:.2%}" if both else "–"
        masked = f"{both['mask_accuracy']:.2%} of {both['mask_pictures']:,}" if both else "–"
        lines.append(
            f"| {name} | {test['accuracy']:.2%} | {low:.2%} to {high:.2%} | {masked} | {balanced} "
            f"| {test['pictures']:,} | {test['persons']:,} |"
        )
    return "\n".join(lines)

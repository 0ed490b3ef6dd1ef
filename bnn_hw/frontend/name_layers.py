"""Pass: give every layer and pool a short unique name: conv1_1, fc2, pool1."""

from __future__ import annotations

import re
from collections import Counter

from bnn_hw.frontend.net import Net, NetNode

_STEMS = {
    "Conv": ("conv", 0),
    "MatMul": ("fc", 0),
    "Gemm": ("fc", 0),
    "MaxPool": ("pool", 1),
    "AveragePool": ("pool", 1),
    "GlobalAveragePool": ("pool", 1),
}
_RESERVED = {"image", "scores", "class", "input_threshold"}


def _candidates(layer: str) -> list[str]:
    """Return names from short to long: "block1.conv" gives conv, block1_conv.

    A bare number says nothing, so it keeps the name before it: features.0 gives features_0.
    """
    parts = [re.sub(r"\W", "_", part) for part in layer.split(".") if part]
    names = ["_".join(parts[start:]) for start in range(len(parts) - 1, -1, -1)]
    return [name for name in names if not name[0].isdigit() and name not in _RESERVED]


def _named(node: NetNode) -> bool:
    return node.op in _STEMS


def name_layers(net: Net) -> None:
    """Fill ``net.names`` by node identity, in the order of the network."""
    nodes = [node for node in net.nodes if _named(node)]
    # A module used for one node only names it; a container of several layers does not.
    uses = Counter(node.layer for node in nodes)
    shorts = Counter(_candidates(node.layer)[0] for node in nodes if _candidates(node.layer))
    counters: Counter[str] = Counter()
    taken: set[str] = set()
    for node in nodes:
        stem, first = _STEMS[node.op]
        options = _candidates(node.layer) if uses[node.layer] == 1 else []
        if options and shorts[options[0]] > 1:
            options = options[1:] or options
        choice = next((name for name in options if name not in taken), None)
        while choice is None:
            name = f"{stem}{first + counters[stem]}"
            counters[stem] += 1
            choice = None if name in taken else name
        taken.add(choice)
        net.names[id(node)] = choice

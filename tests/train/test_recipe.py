from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs torch: pip install bnn-hw[train]")

from bnn_hw.data import CLASSES
from bnn_hw.errors import ConfigError, InputError
from bnn_hw.train.augment import Augmentation
from bnn_hw.train.recipe import TrainSettings, load_recipe, recipe_names


@pytest.mark.parametrize("name", ["cnv", "ncnv", "ucnv"])
def test_shipped_recipes_are_the_paper_s_four_classes(name: str) -> None:
    recipe = load_recipe(name)
    assert (recipe.name, recipe.network, recipe.classes) == (name, name, CLASSES)
    varied = Augmentation(True, 6.0, 0.06, 0.04, 0.15, 17.5, 4.0)
    epochs = 30 if name == "cnv" else 60
    assert recipe.settings == TrainSettings(epochs=epochs, sampling="rooted", augmentation=varied)
    assert [source.folder for source in recipe.sources] == ["maskedface4"]


def test_every_shipped_recipe_is_readable() -> None:
    assert {"cnv", "ncnv", "ucnv"} <= set(recipe_names())
    for name in recipe_names():
        load_recipe(name).settings.check()


def test_a_recipe_says_everything(tmp_path: Path) -> None:
    path = tmp_path / "gate.toml"
    path.write_text(
        'network = "ucnv"\nclasses = ["mask", "no_mask"]\n'
        '[settings]\nepochs = 3\nlearning_rate = 0.005\nsampling = "grouped"\n'
        "[augmentation]\nflip = false\nnoise = 0\n"
        '[[data]]\nfolder = "real"\nclasses = { with_mask = "mask", without_mask = "no_mask" }\nshare = 2\n'
        '[[data]]\nkind = "drawn"\nfolder = "bare"\nstyles = ["plain"]\nper_class = 5\ndrawings = 4\n'
    )
    recipe = load_recipe(path)
    assert (recipe.name, recipe.network, recipe.classes) == ("gate", "ucnv", ("mask", "no_mask"))
    assert recipe.settings.epochs == 3
    assert recipe.settings.peak_rate == 0.005
    assert not recipe.settings.augmentation.flip
    assert recipe.settings.augmentation.noise == 0
    real, drawn = recipe.sources
    assert real.classes == {"with_mask": "mask", "without_mask": "no_mask"}
    assert (real.share, real.group, drawn.kind, drawn.styles, drawn.per_class) == (
        2,
        "real",
        "drawn",
        ("plain",),
        5,
    )
    assert (real.drawings, drawn.drawings) == (1, 4)
    changed = recipe.changed(epochs=9, seed=None, pictures_per_epoch=recipe.settings.pictures_per_epoch)
    assert (changed.settings.epochs, changed.changes) == (9, {"epochs": 9})


def test_a_recipe_like_another_changes_what_it_names(tmp_path: Path) -> None:
    path = tmp_path / "gate.toml"
    path.write_text('like = "ncnv5"\nnetwork = "cnv"\n[settings]\nepochs = 7\n[augmentation]\nnoise = 1.5\n')
    model, recipe = load_recipe("ncnv5"), load_recipe(path)
    assert (recipe.name, recipe.network, recipe.classes) == ("gate", "cnv", model.classes)
    assert recipe.sources == model.sources
    varied = replace(model.settings.augmentation, noise=1.5)
    assert recipe.settings == replace(model.settings, epochs=7, augmentation=varied)


def test_what_a_recipe_is_like_must_be_there(tmp_path: Path) -> None:
    path = tmp_path / "gate.toml"
    path.write_text('like = "ncvn5"\nnetwork = "cnv"\n')
    with pytest.raises(ConfigError, match=r"(?s)gate\.toml, like: is 'ncvn5'.*did you mean ncnv5\?"):
        load_recipe(path)
    path.write_text('like = ["ncnv5"]\nsettings = 3\n')
    with pytest.raises(ConfigError, match=r"gate\.toml, like: is \['ncnv5'\]"):
        load_recipe(path)
    path.write_text('like = "ncnv5"\nsettings = 3\n')
    with pytest.raises(ConfigError, match=r"gate\.toml, settings: is 3"):
        load_recipe(path)


def test_all_faults_of_a_recipe_are_told_together(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(
        'network = "resnet"\nclasses = ["a", "a"]\nlayers = 3\n[settings]\nepochs = "many"\n'
        '[[data]]\nkind = "painted"\nclasses = { x = "b" }\nstyles = ["plain"]\ndrawings = 2\n'
    )
    with pytest.raises(ConfigError) as caught:
        load_recipe(path)
    text = str(caught.value)
    for part in (
        "network: is 'resnet'",
        "classes: is ['a', 'a']",
        "layers: is an unknown field",
        "settings, epochs: is 'many'",
        "data 1, kind: is 'painted'",
        "data 1, classes, x: is 'b'",
        "data 1, folder: is missing",
        "styles: is for drawn masks only",
        "drawings: is for drawn masks only",
    ):
        assert part in text


def test_unknown_recipes_and_missing_data_tables_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"(?s)there is no such recipe.*did you mean ncnv\?"):
        load_recipe("ncvn")
    (tmp_path / "none.toml").write_text('network = "ucnv"\n')
    with pytest.raises(ConfigError, match=r"give at least one table \[\[data\]\]"):
        load_recipe(tmp_path / "none.toml")


def test_all_settings_that_cannot_work_are_told_together() -> None:
    with pytest.raises(InputError) as caught:
        TrainSettings(
            epochs=0,
            precision="int4",
            sampling="all",
            arithmetic="int8",
            learning_rate=2.0,
            distil_share=-1,
        ).check()
    assert len(caught.value.faults) == 6
    assert "arithmetic: is 'int8'" in str(caught.value)
    assert "did you mean" not in str(caught.value.faults[1]) or "binary" in str(caught.value.faults[1])

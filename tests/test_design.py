import pytest

from bnn_hw.design import design_names, load_design
from bnn_hw.errors import ConfigError

GOOD = 'title="t"\nmodel="m.onnx"\n[input]\nscale="1/255"\n'


def _write(folder, text):
    (folder / "design.toml").write_text(text)
    return folder


def test_shipped_designs():
    assert design_names() == ["cnv", "cnv5", "ncnv", "ncnv5", "ucnv"]
    for name in design_names():
        design = load_design(name)
        assert design.classes[:4] == ("correct", "nose_exposed", "nose_mouth_exposed", "chin_exposed")
        assert design.classes[4:] == (("no_mask",) if name in ("cnv5", "ncnv5") else ())
        assert design.foldings["table1"].path.is_file()
    ncnv = load_design("ncnv")
    assert ncnv.foldings["table1"].interval_cycles == 8100
    assert {(item.group, item.estimate) for item in ncnv.compared} == {
        ("FINN, SetFolding", True), ("FINN, Table I", True),
    }  # fmt: skip
    assert (ncnv.published.lut, ncnv.published.bram36, ncnv.published.dsp) == (20425, 10.5, 14)


def test_by_folder_and_by_file(tmp_path):
    _write(tmp_path, GOOD)
    for path in (tmp_path, tmp_path / "design.toml", str(tmp_path)):
        design = load_design(path)
        assert design.name == tmp_path.name
        assert (design.input_scale, design.input_offset, str(design.input_dtype)) == ("1/255", "0", "UINT8")
        assert design.model == tmp_path / "m.onnx"
        assert design.published is None


def test_any_onnx_file(tmp_path):
    path = tmp_path / "net.onnx"
    with pytest.raises(ConfigError, match=r"net.onnx: there is no such file"):
        load_design(path)
    path.write_bytes(b"")
    design = load_design(path, input_scale="1/255")
    assert (design.name, design.model, design.input_scale, design.classes) == ("net", path, "1/255", ())
    with pytest.raises(ConfigError, match="input_scale: is 'one'"):
        load_design(path, input_scale="one")


def test_unknown_design_offers_the_nearest():
    with pytest.raises(ConfigError) as caught:
        load_design("n-cnv")
    assert str(caught.value).startswith(
        "design n-cnv: is unknown\n"
        "    remedy: did you mean ncnv? known: cnv, cnv5, ncnv, ncnv5, ucnv; or give the path"
    )


def test_all_faults_together(tmp_path):
    _write(
        tmp_path,
        'titel="t"\nmodel=3\nclasses=["a", 1]\n[input]\ndtype="FLOAT"\nscale="a"\n'
        '[foldings.best]\nfile="best.json"\n[published]\nsource="s"\nlut=1\nbram36=-1\ndsp=0\n'
        '[[compared]]\nname="n"\ngroup="g"\nsource="s"\nestimate=1\nclock_hz=1\nlut=1\nbram36=0\ndsp=0\n',
    )
    with pytest.raises(ConfigError) as caught:
        load_design(tmp_path)
    text = str(caught.value)
    for part in (
        "design.toml, title: is missing",
        "design.toml, titel: is an unknown field\n    remedy: did you mean title?",
        "design.toml, model: is 3",
        "design.toml, classes: is ['a', 1]",
        "design.toml, input, dtype: is 'FLOAT'",
        "design.toml, input, scale: is 'a'",
        "best.json does not exist",
        "design.toml, published, bram36: is -1",
        "design.toml, published, clock_hz: is missing",
        "design.toml, compared 1, estimate: is 1\n    remedy: give true or false",
        "design.toml, compared 1, fps: is missing",
    ):
        assert part in text

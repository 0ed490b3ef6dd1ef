"""Stand-ins for ``vivado`` and ``vitis_hls``: they log what they are given and make what FINN looks for.

Each reads the Tcl script it is started with, refuses a reference to an
environment variable or a source file that is not there, and creates the outputs
that the script names. MOCK_FAIL chooses a failure: ``licence`` (Vivado, status 1),
``hls`` (Vitis HLS, status 1), ``silent`` (Vivado ends with 0 and makes no bit file).
"""

from __future__ import annotations

from pathlib import Path

from tests.finn.conftest import script
from tests.packages import bit_bytes

COMMON = r"""
import json, os, pathlib, re, sys
if "-version" in sys.argv:
    print(f"{NAME} v2022.2 (64-bit)")
    sys.exit(0)
tcl = pathlib.Path(sys.argv[-1]).read_text()
with open(os.environ["MOCK_LOG"], "a") as log:
    log.write(json.dumps([NAME, os.getcwd(), *sys.argv[1:]]) + "\n")
fail = os.environ.get("MOCK_FAIL", "")
for name in re.findall(r"\$::env\((\w+)\)", tcl):
    if name not in os.environ:
        stop(f"ERROR: can't read env({name})")
    tcl = tcl.replace(f"$::env({name})", os.environ[name])
def value(name):
    return re.search(rf"set {name} (\S+)", tcl)[1].strip('"')
"""

HLS = r"""
NAME = "vitis_hls"
def stop(line):
    pathlib.Path("vitis_hls.log").write_text(f"INFO: [HLS 200-10] running\n{line}\n")
    sys.exit(1)
@COMMON@
top, project = value("config_toplevelfxn"), pathlib.Path(value("config_proj_name"))
source = pathlib.Path(value("config_hwsrcdir")) / f"top_{top}.cpp"
if not source.is_file():
    stop(f"ERROR: [HLS 200-101] no {source}")
if fail == "hls" and top.startswith("MVAU_hls_1"):
    stop("ERROR: [HLS 207-2163] 'bnn-library.h' file not found")
for folder in ("impl/ip", "impl/verilog", "syn/report"):
    (project / "sol1" / folder).mkdir(parents=True)
(project / "sol1/impl/ip/component.xml").write_text("<component/>")
(project / f"sol1/impl/verilog/{top}.v").write_text(f"module {top}; endmodule")
(project / f"sol1/syn/report/{top}_csynth.xml").write_text(
    "<profile><AreaEstimates><Resources><LUT>100</LUT><FF>50</FF></Resources></AreaEstimates></profile>"
)
"""

VIVADO = r"""
NAME = "vivado"
def stop(line):
    pathlib.Path("vivado.log").write_text(f"INFO: [Common 17-206] running\n{line}\n")
    sys.exit(1)
@COMMON@
here = pathlib.Path.cwd()
stitched = re.search(r"create_project (finn_vivado_stitch_proj) (\S+) -part (\S+)", tcl)
if stitched:
    for place in re.findall(r"add_files -norecurse (\S+)", tcl):
        if not place.endswith("_wrapper.v") and not pathlib.Path(place).is_file():
            stop(f"ERROR: [Vivado 12-172] File or Directory '{place}' does not exist")
    block = re.search(r'create_bd_design "(\w+)"', tcl)[1]
    wrapper = here / f"finn_vivado_stitch_proj.srcs/sources_1/bd/{block}/hdl/{block}_wrapper.v"
    wrapper.parent.mkdir(parents=True)
    wrapper.write_text(f"module {block}_wrapper; endmodule")
    (here / "ip").mkdir()
    (here / "ip/component.xml").write_text("<component/>")
    (here / "all_verilog_srcs.txt").write_text(f"{wrapper}\n")
elif "report_power" in tcl:
    report = here / re.search(r"report_power -file (\S+)", tcl)[1]
    report.write_text("| Total On-Chip Power (W)  | 1.734        |\n")
else:
    if fail == "licence":
        stop("ERROR: [Common 17-345] A valid license was not found for feature 'Synthesis'")
    if fail == "silent":
        sys.exit(0)
    run = here / "finn_zynq_link.runs/impl_1"
    run.mkdir(parents=True)
    (run / "top_wrapper.bit").write_bytes(bytes.fromhex("@BIT@"))
    (run / "top_wrapper_timing_summary_routed.rpt").write_text(
        "    WNS(ns)      TNS(ns)\n    -------      -------\n      0.417        0.000\n"
    )
    handoff = here / "finn_zynq_link.gen/sources_1/bd/top/hw_handoff"
    handoff.mkdir(parents=True)
    (handoff / "top.hwh").write_text("<EDKSYSTEM/>")
    (here / "finn_zynq_link.xpr").write_text("<Project/>")
    heads = ["Instance", "Module", "Total LUTs", "Logic LUTs", "LUTRAMs", "SRLs", "FFs", "RAMB36", "RAMB18",
             "DSP Blocks"]
    cells = [heads, ["top_wrapper", "(top)", "900", "800", "60", "40", "1200", "3", "1", "0"]]
    tables = "".join(
        "<tablerow>" + "".join(f'<{kind} contents="{text}"/>' for text in row) + "</tablerow>"
        for kind, row in zip(("tableheader", "tablecell"), cells)
    )
    (here / "synth_report.xml").write_text(f"<RptDoc><section><table>{tables}</table></section></RptDoc>")
"""


def install(folder: Path) -> Path:
    """Put both stand-ins into ``folder``/2022.2/bin, which is returned."""
    bin_folder = folder / "2022.2" / "bin"
    script(bin_folder / "vitis_hls", HLS.replace("@COMMON@", COMMON))
    bit = bit_bytes(design="top_wrapper;UserID=0XFFFFFFFF;Version=2022.2")
    script(bin_folder / "vivado", VIVADO.replace("@COMMON@", COMMON).replace("@BIT@", bit.hex()))
    return bin_folder

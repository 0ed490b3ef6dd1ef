"""The HTML report: one file that opens offline."""

from bnn_hw.report.data import Published, ReportData
from bnn_hw.report.write import render, write_report

__all__ = ["Published", "ReportData", "render", "write_report"]

"""File formats of 7-series configuration: FASM, frames, packets, .bit and .bin, in both directions.

The meaning of each configuration bit comes from a Project X-Ray database
(``prjxray-db``), which is found on the user's machine and is no part of this
package. A *frame* is 101 words of 32 bits; a bitstream is all frames of a part
in the order of their addresses.
"""

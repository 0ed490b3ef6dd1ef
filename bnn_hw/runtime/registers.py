"""The register map of the shell: offsets, fields, error codes.

Made from bnn_hw/soc/registers.py by python -m bnn_hw.soc.render; changes are lost.
Python 3.8 and its standard library, for the board.

REGISTERS: each register by its name. ERROR_CODES: what the codes of the register
ERROR mean.
"""

from typing import Dict, NamedTuple, Optional


class Field(NamedTuple):
    """Bits ``low`` to ``low + width - 1`` of a register."""

    low: int
    width: int
    description: str

    @property
    def mask(self) -> int:
        """The field's bits in the register."""
        return ((1 << self.width) - 1) << self.low

    def get(self, value: int) -> int:
        """Take the field out of a register's value."""
        return (value & self.mask) >> self.low


class Register(NamedTuple):
    """A 32-bit word at byte ``offset``.

    access: ro, rw, wo or w1c (bits written as 1 are cleared); reset: value after
    power-up, None where the build or the state decides; fields by name.
    """

    offset: int
    access: str
    reset: Optional[int]
    description: str
    fields: Dict[str, Field]


class ErrorCode(NamedTuple):
    """fault: the shell stopped and needs a soft reset; else only a job was refused."""

    name: str
    fault: bool
    meaning: str


MAGIC = 0x424E4E48  # value of the register MAGIC
VERSION_MAJOR = 1  # of this map; a driver refuses another one
VERSION_MINOR = 0  # of this map
SPAN_BYTES = 4096  # size of the register file
BASE_ADDRESS = 0x43C00000  # where the processor sees it
RANGE_BYTES = 0x00010000  # range of addresses set aside for it
ALIGNMENT_BYTES = 8  # of a job's addresses
MAX_FRAMES = 65535  # of a job
QUEUE_JOBS = 8  # jobs open at once
MEMORY_BYTES = 0x40000000  # a job's addresses lie below

MAGIC_OFFSET = 0x000
VERSION_OFFSET = 0x004
BUILD_DIGEST_0_OFFSET = 0x008
BUILD_DIGEST_1_OFFSET = 0x00C
BUILD_DIGEST_2_OFFSET = 0x010
BUILD_DIGEST_3_OFFSET = 0x014
FRAME_BYTES_OFFSET = 0x018
FRAME_STRIDE_OFFSET = 0x01C
RESULT_WORDS_OFFSET = 0x020
RESULT_STRIDE_OFFSET = 0x024
FEATURES_OFFSET = 0x028
CLOCK_HZ_OFFSET = 0x02C
CONTROL_OFFSET = 0x040
MODE_OFFSET = 0x044
STATUS_OFFSET = 0x048
ERROR_OFFSET = 0x04C
ERROR_ADDRESS_OFFSET = 0x050
TIMEOUT_OFFSET = 0x054
GATE_LINGER_OFFSET = 0x058
IRQ_ENABLE_OFFSET = 0x05C
IRQ_STATUS_OFFSET = 0x060
OWNER_OFFSET = 0x064
JOB_SOURCE_OFFSET = 0x080
JOB_TARGET_OFFSET = 0x084
JOB_FRAMES_OFFSET = 0x088
JOBS_ACCEPTED_OFFSET = 0x090
JOBS_DONE_OFFSET = 0x094
CYCLES_LOW_OFFSET = 0x0C0
CYCLES_HIGH_OFFSET = 0x0C4
BUSY_CYCLES_OFFSET = 0x0C8
STALLED_IN_OFFSET = 0x0CC
STALLED_OUT_OFFSET = 0x0D0
FRAMES_DONE_OFFSET = 0x0D4
FIRST_TO_LAST_OFFSET = 0x0D8
CLOCKED_CYCLES_OFFSET = 0x0DC
CONFIG_ADDRESS_OFFSET = 0x100
CONFIG_DATA_OFFSET = 0x104

REGISTERS = {
    "MAGIC": Register(0x000, "ro", 0x424E4E48, "Spells BNNH: this is the shell of a bnn_hw accelerator.", {}),
    "VERSION": Register(
        0x004,
        "ro",
        0x00010000,
        "Version of this register map.",
        {
            "MINOR": Field(0, 16, "Grows when registers are added."),
            "MAJOR": Field(16, 16, "Grows when a driver for the older map would fail."),
        },
    ),
    "BUILD_DIGEST_0": Register(
        0x008,
        "ro",
        None,
        "Digest of the build, hexadecimal digits 0 to 7; equals the manifest's.",
        {},
    ),
    "BUILD_DIGEST_1": Register(
        0x00C,
        "ro",
        None,
        "Digest of the build, hexadecimal digits 8 to 15; equals the manifest's.",
        {},
    ),
    "BUILD_DIGEST_2": Register(
        0x010,
        "ro",
        None,
        "Digest of the build, hexadecimal digits 16 to 23; equals the manifest's.",
        {},
    ),
    "BUILD_DIGEST_3": Register(
        0x014,
        "ro",
        None,
        "Digest of the build, hexadecimal digits 24 to 31; equals the manifest's.",
        {},
    ),
    "FRAME_BYTES": Register(0x018, "ro", None, "Bytes of a picture: height * width * channels.", {}),
    "FRAME_STRIDE": Register(
        0x01C,
        "ro",
        None,
        "Bytes from one picture of a job to the next: FRAME_BYTES rounded up to a multiple of 8, of 16, 32 "
        "and so on where the core takes more than 8 bytes a beat.",
        {},
    ),
    "RESULT_WORDS": Register(
        0x020,
        "ro",
        None,
        "32-bit words of a result: the signed score of each class, then the winning class.",
        {},
    ),
    "RESULT_STRIDE": Register(
        0x024,
        "ro",
        None,
        "Bytes from one result of a job to the next: 4 * RESULT_WORDS rounded up to a multiple of 8; what "
        "lies between is written as zero.",
        {},
    ),
    "FEATURES": Register(
        0x028,
        "ro",
        None,
        "What this build has.",
        {
            "QUEUE_JOBS": Field(0, 8, "Jobs that may be open (waiting or running) at once."),
            "CLOCK_GATE": Field(8, 1, "The core's clock can be stopped between frames."),
            "CONFIG": Field(9, 1, "Weights can be written at run time: the CONFIG registers work."),
        },
    ),
    "CLOCK_HZ": Register(0x02C, "ro", None, "Clock in Hz that the build is made for.", {}),
    "CONTROL": Register(
        0x040,
        "wo",
        None,
        "Commands; every bit written as 1 takes effect once.",
        {
            "SOFT_RESET": Field(
                0,
                1,
                "Finishes the open memory transactions, empties the queue, resets the core, clears ERROR, "
                "JOBS_ACCEPTED and JOBS_DONE. Over when STATUS.RESETTING is 0. Keeps settings, counters and "
                "IRQ_STATUS.",
            ),
            "CLEAR_COUNTERS": Field(1, 1, "Sets all counters but CYCLES to zero."),
            "SNAPSHOT": Field(2, 1, "Copies all counters, in one cycle, to where they are read."),
        },
    ),
    "MODE": Register(
        0x044,
        "rw",
        0x00000000,
        "How it runs.",
        {
            "GATE": Field(0, 1, "Gate mode: the core's clock stops while no frame is inside."),
        },
    ),
    "STATUS": Register(
        0x048,
        "ro",
        None,
        "State at this moment.",
        {
            "BUSY": Field(0, 1, "A job is open."),
            "FAULT": Field(1, 1, "Stopped by the fault in ERROR until the next soft reset."),
            "RESETTING": Field(2, 1, "A soft reset is under way."),
            "QUEUE_FULL": Field(3, 1, "The next job would be refused."),
            "CLOCK_ON": Field(4, 1, "The core's clock runs."),
            "INPUT_WAITS": Field(5, 1, "A beat is offered to the core and not taken."),
            "OUTPUT_WAITS": Field(6, 1, "The core offers a word and it is not taken."),
            "READS_OPEN": Field(8, 4, "Read bursts whose data has not all come."),
            "WRITES_OPEN": Field(12, 4, "Write bursts that are not confirmed."),
            "JOBS_OPEN": Field(16, 8, "Jobs accepted and not done."),
            "FRAMES_INSIDE": Field(24, 8, "Frames begun and not put out, 255 at most."),
        },
    ),
    "ERROR": Register(
        0x04C,
        "w1c",
        0x00000000,
        "The first error since it was last cleared. Writing any value clears the code of a refused job; a "
        "fault stays until the next soft reset and takes the place of a refusal.",
        {
            "CODE": Field(0, 8, "See the error codes; 0 for none."),
        },
    ),
    "ERROR_ADDRESS": Register(
        0x050,
        "ro",
        0x00000000,
        "First byte of the burst that a bus error or the end of the memory is about; 0 for other errors.",
        {},
    ),
    "TIMEOUT": Register(
        0x054,
        "rw",
        0x05F5E100,
        "Cycles without any beat, with a job open or during a soft reset, that count as a fault; 0 waits "
        "for ever.",
        {},
    ),
    "GATE_LINGER": Register(
        0x058,
        "rw",
        0x00000400,
        "Cycles that the core's clock goes on after its last frame in gate mode, so that it comes to rest.",
        {
            "CYCLES": Field(0, 16, "0 to 65,535."),
        },
    ),
    "IRQ_ENABLE": Register(
        0x05C,
        "rw",
        0x00000000,
        "Causes that raise the interrupt (level, high while an enabled cause stands in IRQ_STATUS).",
        {
            "JOB_DONE": Field(0, 1, "A job is done."),
            "ERROR": Field(1, 1, "A job was refused or a fault stopped the shell."),
            "RESET_DONE": Field(2, 1, "A soft reset is over."),
        },
    ),
    "IRQ_STATUS": Register(
        0x060,
        "w1c",
        0x00000000,
        "Causes since they were last cleared, whether enabled or not.",
        {
            "JOB_DONE": Field(0, 1, "A job is done: all its results are in memory."),
            "ERROR": Field(1, 1, "A job was refused or a fault stopped the shell."),
            "RESET_DONE": Field(2, 1, "A soft reset is over."),
        },
    ),
    "OWNER": Register(
        0x064,
        "rw",
        0x00000000,
        "Free for the driver, to tell who uses the accelerator. Changes nothing.",
        {},
    ),
    "JOB_SOURCE": Register(
        0x080,
        "rw",
        0x00000000,
        "Address of the next job's pictures, a multiple of 8.",
        {},
    ),
    "JOB_TARGET": Register(
        0x084,
        "rw",
        0x00000000,
        "Address where the next job's results go, a multiple of 8.",
        {},
    ),
    "JOB_FRAMES": Register(
        0x088,
        "wo",
        None,
        "Writing the number of frames, 1 to 65,535, queues the job. A job at fault is refused: "
        "JOBS_ACCEPTED stays, ERROR tells why.",
        {},
    ),
    "JOBS_ACCEPTED": Register(0x090, "ro", 0x00000000, "Jobs queued since the last reset, modulo 2^16.", {}),
    "JOBS_DONE": Register(
        0x094,
        "ro",
        0x00000000,
        "Jobs whose results are all in memory since the last reset, modulo 2^16.",
        {},
    ),
    "CYCLES_LOW": Register(
        0x0C0,
        "ro",
        0x00000000,
        "Clock cycles since power-up, bits 0 to 31; never cleared.",
        {},
    ),
    "CYCLES_HIGH": Register(
        0x0C4,
        "ro",
        0x00000000,
        "Clock cycles since power-up, bits 32 to 47, the rest zero.",
        {},
    ),
    "BUSY_CYCLES": Register(0x0C8, "ro", 0x00000000, "Cycles with a job open.", {}),
    "STALLED_IN": Register(
        0x0CC,
        "ro",
        0x00000000,
        "Cycles in which the core would take a beat of an open job and none is there.",
        {},
    ),
    "STALLED_OUT": Register(
        0x0D0,
        "ro",
        0x00000000,
        "Cycles in which the core offers a word that is not taken.",
        {},
    ),
    "FRAMES_DONE": Register(0x0D4, "ro", 0x00000000, "Frames whose last word has left the core.", {}),
    "FIRST_TO_LAST": Register(
        0x0D8,
        "ro",
        0x00000000,
        "Cycles from the first beat that the core took with no earlier job open, to the latest frame's last "
        "word out of the core: the latency after a job of one frame, the whole batch's time after several.",
        {},
    ),
    "CLOCKED_CYCLES": Register(0x0DC, "ro", 0x00000000, "Cycles in which the core's clock ran.", {}),
    "CONFIG_ADDRESS": Register(
        0x100,
        "rw",
        0x00000000,
        "Word of the core's configuration port that CONFIG_DATA goes to; grows by one with each access.",
        {
            "WORD": Field(
                0,
                24,
                "0 the format, 1 the digest of the layout, 2 a free tag, then the memories.",
            ),
        },
    ),
    "CONFIG_DATA": Register(
        0x104,
        "rw",
        0x00000000,
        "The word at CONFIG_ADDRESS. Reads as zero where FEATURES.CONFIG is 0. Only while no job is open.",
        {},
    ),
}

ERROR_CODES = {
    0: ErrorCode("NONE", False, "no error"),
    1: ErrorCode("READ_SLVERR", True, "the memory answered a read with SLVERR"),
    2: ErrorCode("READ_DECERR", True, "nothing answers at an address that was read (DECERR)"),
    3: ErrorCode("WRITE_SLVERR", True, "the memory answered a write with SLVERR"),
    4: ErrorCode("WRITE_DECERR", True, "nothing answers at an address that was written (DECERR)"),
    5: ErrorCode("READ_TIMEOUT", True, "the memory did not deliver pictures within TIMEOUT"),
    6: ErrorCode("WRITE_TIMEOUT", True, "the memory did not take or confirm results within TIMEOUT"),
    7: ErrorCode("CORE_TIMEOUT", True, "the core neither took a beat nor gave a word within TIMEOUT"),
    8: ErrorCode("FRAMING", True, "the core ended a frame at another word than RESULT_WORDS"),
    9: ErrorCode("MEMORY_END", True, "the job went beyond the end of the memory's addresses"),
    16: ErrorCode("MISALIGNED", False, "an address of the job is not a multiple of 8"),
    17: ErrorCode("FRAME_COUNT", False, "the job has no frames or more than 65,535"),
    18: ErrorCode("ADDRESS_RANGE", False, "an address of the job is outside the memory"),
    19: ErrorCode("QUEUE_OVERFLOW", False, "the queue was full"),
    20: ErrorCode("NOT_READY", False, "a fault or a soft reset stands in the way"),
}

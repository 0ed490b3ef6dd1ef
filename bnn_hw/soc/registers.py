"""The register map: the one source of the RTL's decode package, the driver's constants and the documentation.

Registers are 32 bits wide and are read and written as whole words. Unassigned
addresses read as zero and ignore writes. ``bnn_hw/soc/render.py`` turns the table
into text.
"""

from __future__ import annotations

from dataclasses import dataclass

MAGIC = 0x424E_4E48  # "BNNH"
VERSION_MAJOR = 1  # a driver refuses another one
VERSION_MINOR = 0  # only adds registers and fields

# Addresses of the register file: what the general-purpose port decodes, and where the processor sees it.
SPAN_BYTES = 0x1000
BASE_ADDRESS = 0x43C0_0000
RANGE_BYTES = 0x1_0000

# A job: what the queue takes at most, and how its addresses must lie.
ALIGNMENT_BYTES = 8
MAX_FRAMES = 65_535
QUEUE_JOBS = 8
MEMORY_BYTES = 0x4000_0000  # a Zynq-7000 has its DDR memory below this address

RO, RW, WO, W1C = "ro", "rw", "wo", "w1c"
ACCESS = {
    RO: "read only; writes are ignored",
    RW: "read and write",
    WO: "write only; reads as zero",
    W1C: "read; a bit written as 1 is cleared",
}


@dataclass(frozen=True)
class Field:
    """Bits ``low`` to ``low + width - 1`` of a register."""

    name: str
    low: int
    width: int
    description: str


@dataclass(frozen=True)
class Register:
    """One 32-bit word.

    offset: bytes from the base; access: a key of ACCESS; reset: value after power-up,
    None where the build or the state decides; a soft reset changes nothing but what
    the description says.
    """

    name: str
    offset: int
    access: str
    reset: int | None
    description: str
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True)
class ErrorCode:
    """A value of ERROR.CODE. fault: the shell stopped and needs a soft reset; else only a job was refused."""

    name: str
    code: int
    fault: bool
    meaning: str


def _flag(name: str, low: int, description: str) -> Field:
    return Field(name, low, 1, description)


_IDENTITY = (
    Register("MAGIC", 0x000, RO, MAGIC, "Spells BNNH: this is the shell of a bnn_hw accelerator."),
    Register(
        "VERSION",
        0x004,
        RO,
        VERSION_MAJOR << 16 | VERSION_MINOR,
        "Version of this register map.",
        (
            Field("MINOR", 0, 16, "Grows when registers are added."),
            Field("MAJOR", 16, 16, "Grows when a driver for the older map would fail."),
        ),
    ),
    *(
        Register(
            f"BUILD_DIGEST_{i}",
            0x008 + 4 * i,
            RO,
            None,
            f"Digest of the build, hexadecimal digits {8 * i} to {8 * i + 7}; equals the manifest's.",
        )
        for i in range(4)
    ),
    Register("FRAME_BYTES", 0x018, RO, None, "Bytes of a picture: height * width * channels."),
    Register(
        "FRAME_STRIDE",
        0x01C,
        RO,
        None,
        "Bytes from one picture of a job to the next: FRAME_BYTES rounded up to a multiple of 8, "
        "of 16, 32 and so on where the core takes more than 8 bytes a beat.",
    ),
    Register(
        "RESULT_WORDS",
        0x020,
        RO,
        None,
        "32-bit words of a result: the signed score of each class, then the winning class.",
    ),
    Register(
        "RESULT_STRIDE",
        0x024,
        RO,
        None,
        "Bytes from one result of a job to the next: 4 * RESULT_WORDS rounded up to a multiple of 8; "
        "what lies between is written as zero.",
    ),
    Register(
        "FEATURES",
        0x028,
        RO,
        None,
        "What this build has.",
        (
            Field("QUEUE_JOBS", 0, 8, "Jobs that may be open (waiting or running) at once."),
            _flag("CLOCK_GATE", 8, "The core's clock can be stopped between frames."),
            _flag("CONFIG", 9, "Weights can be written at run time: the CONFIG registers work."),
        ),
    ),
    Register("CLOCK_HZ", 0x02C, RO, None, "Clock in Hz that the build is made for."),
)

_CONTROL = (
    Register(
        "CONTROL",
        0x040,
        WO,
        None,
        "Commands; every bit written as 1 takes effect once.",
        (
            _flag(
                "SOFT_RESET",
                0,
                "Finishes the open memory transactions, empties the queue, resets the core, clears ERROR, "
                "JOBS_ACCEPTED and JOBS_DONE. Over when STATUS.RESETTING is 0. Keeps settings, counters "
                "and IRQ_STATUS.",
            ),
            _flag("CLEAR_COUNTERS", 1, "Sets all counters but CYCLES to zero."),
            _flag("SNAPSHOT", 2, "Copies all counters, in one cycle, to where they are read."),
        ),
    ),
    Register(
        "MODE",
        0x044,
        RW,
        0,
        "How it runs.",
        (_flag("GATE", 0, "Gate mode: the core's clock stops while no frame is inside."),),
    ),
    Register(
        "STATUS",
        0x048,
        RO,
        None,
        "State at this moment.",
        (
            _flag("BUSY", 0, "A job is open."),
            _flag("FAULT", 1, "Stopped by the fault in ERROR until the next soft reset."),
            _flag("RESETTING", 2, "A soft reset is under way."),
            _flag("QUEUE_FULL", 3, "The next job would be refused."),
            _flag("CLOCK_ON", 4, "The core's clock runs."),
            _flag("INPUT_WAITS", 5, "A beat is offered to the core and not taken."),
            _flag("OUTPUT_WAITS", 6, "The core offers a word and it is not taken."),
            Field("READS_OPEN", 8, 4, "Read bursts whose data has not all come."),
            Field("WRITES_OPEN", 12, 4, "Write bursts that are not confirmed."),
            Field("JOBS_OPEN", 16, 8, "Jobs accepted and not done."),
            Field("FRAMES_INSIDE", 24, 8, "Frames begun and not put out, 255 at most."),
        ),
    ),
    Register(
        "ERROR",
        0x04C,
        W1C,
        0,
        "The first error since it was last cleared. Writing any value clears the code of a refused job; "
        "a fault stays until the next soft reset and takes the place of a refusal.",
        (Field("CODE", 0, 8, "See the error codes; 0 for none."),),
    ),
    Register(
        "ERROR_ADDRESS",
        0x050,
        RO,
        0,
        "First byte of the burst that a bus error or the end of the memory is about; 0 for other errors.",
    ),
    Register(
        "TIMEOUT",
        0x054,
        RW,
        100_000_000,
        "Cycles without any beat, with a job open or during a soft reset, that count as a fault; "
        "0 waits for ever.",
    ),
    Register(
        "GATE_LINGER",
        0x058,
        RW,
        1024,
        "Cycles that the core's clock goes on after its last frame in gate mode, so that it comes to rest.",
        (Field("CYCLES", 0, 16, "0 to 65,535."),),
    ),
    Register(
        "IRQ_ENABLE",
        0x05C,
        RW,
        0,
        "Causes that raise the interrupt (level, high while an enabled cause stands in IRQ_STATUS).",
        (
            _flag("JOB_DONE", 0, "A job is done."),
            _flag("ERROR", 1, "A job was refused or a fault stopped the shell."),
            _flag("RESET_DONE", 2, "A soft reset is over."),
        ),
    ),
    Register(
        "IRQ_STATUS",
        0x060,
        W1C,
        0,
        "Causes since they were last cleared, whether enabled or not.",
        (
            _flag("JOB_DONE", 0, "A job is done: all its results are in memory."),
            _flag("ERROR", 1, "A job was refused or a fault stopped the shell."),
            _flag("RESET_DONE", 2, "A soft reset is over."),
        ),
    ),
    Register(
        "OWNER", 0x064, RW, 0, "Free for the driver, to tell who uses the accelerator. Changes nothing."
    ),
)

_JOBS = (
    Register("JOB_SOURCE", 0x080, RW, 0, "Address of the next job's pictures, a multiple of 8."),
    Register("JOB_TARGET", 0x084, RW, 0, "Address where the next job's results go, a multiple of 8."),
    Register(
        "JOB_FRAMES",
        0x088,
        WO,
        None,
        "Writing the number of frames, 1 to 65,535, queues the job. A job at fault is refused: "
        "JOBS_ACCEPTED stays, ERROR tells why.",
    ),
    Register("JOBS_ACCEPTED", 0x090, RO, 0, "Jobs queued since the last reset, modulo 2^16."),
    Register(
        "JOBS_DONE", 0x094, RO, 0, "Jobs whose results are all in memory since the last reset, modulo 2^16."
    ),
)

_COUNTERS = (
    Register("CYCLES_LOW", 0x0C0, RO, 0, "Clock cycles since power-up, bits 0 to 31; never cleared."),
    Register("CYCLES_HIGH", 0x0C4, RO, 0, "Clock cycles since power-up, bits 32 to 47, the rest zero."),
    Register("BUSY_CYCLES", 0x0C8, RO, 0, "Cycles with a job open."),
    Register(
        "STALLED_IN",
        0x0CC,
        RO,
        0,
        "Cycles in which the core would take a beat of an open job and none is there.",
    ),
    Register("STALLED_OUT", 0x0D0, RO, 0, "Cycles in which the core offers a word that is not taken."),
    Register("FRAMES_DONE", 0x0D4, RO, 0, "Frames whose last word has left the core."),
    Register(
        "FIRST_TO_LAST",
        0x0D8,
        RO,
        0,
        "Cycles from the first beat that the core took with no earlier job open, to the latest frame's last "
        "word out of the core: the latency after a job of one frame, the whole batch's time after several.",
    ),
    Register("CLOCKED_CYCLES", 0x0DC, RO, 0, "Cycles in which the core's clock ran."),
)

_CONFIG = (
    Register(
        "CONFIG_ADDRESS",
        0x100,
        RW,
        0,
        "Word of the core's configuration port that CONFIG_DATA goes to; grows by one with each access.",
        (Field("WORD", 0, 24, "0 the format, 1 the digest of the layout, 2 a free tag, then the memories."),),
    ),
    Register(
        "CONFIG_DATA",
        0x104,
        RW,
        0,
        "The word at CONFIG_ADDRESS. Reads as zero where FEATURES.CONFIG is 0. Only while no job is open.",
    ),
)

REGISTERS = (*_IDENTITY, *_CONTROL, *_JOBS, *_COUNTERS, *_CONFIG)

ERROR_CODES = (
    ErrorCode("NONE", 0, False, "no error"),
    ErrorCode("READ_SLVERR", 1, True, "the memory answered a read with SLVERR"),
    ErrorCode("READ_DECERR", 2, True, "nothing answers at an address that was read (DECERR)"),
    ErrorCode("WRITE_SLVERR", 3, True, "the memory answered a write with SLVERR"),
    ErrorCode("WRITE_DECERR", 4, True, "nothing answers at an address that was written (DECERR)"),
    ErrorCode("READ_TIMEOUT", 5, True, "the memory did not deliver pictures within TIMEOUT"),
    ErrorCode("WRITE_TIMEOUT", 6, True, "the memory did not take or confirm results within TIMEOUT"),
    ErrorCode("CORE_TIMEOUT", 7, True, "the core neither took a beat nor gave a word within TIMEOUT"),
    ErrorCode("FRAMING", 8, True, "the core ended a frame at another word than RESULT_WORDS"),
    ErrorCode("MEMORY_END", 9, True, "the job went beyond the end of the memory's addresses"),
    ErrorCode("MISALIGNED", 16, False, "an address of the job is not a multiple of 8"),
    ErrorCode("FRAME_COUNT", 17, False, "the job has no frames or more than 65,535"),
    ErrorCode("ADDRESS_RANGE", 18, False, "an address of the job is outside the memory"),
    ErrorCode("QUEUE_OVERFLOW", 19, False, "the queue was full"),
    ErrorCode("NOT_READY", 20, False, "a fault or a soft reset stands in the way"),
)


def register(name: str) -> Register:
    """Return a register by its name; KeyError where there is none."""
    for item in REGISTERS:
        if item.name == name:
            return item
    raise KeyError(name)

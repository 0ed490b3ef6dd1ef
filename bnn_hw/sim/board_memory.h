// The memory behind a high-performance port: contents, limits, injected faults, protocol checks.
//
// The cycle-by-cycle behaviour is in board.cpp.

#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <unordered_map>

constexpr uint64_t kPageBytes = 4096;

[[noreturn]] inline void fail(const std::string& text) {
    std::cout << "error " << text << std::endl;
    std::_Exit(3);
}

inline std::string hex(uint64_t value) {
    std::ostringstream text;
    text << "0x" << std::hex << value;
    return text.str();
}

// A range of addresses that answers with an error.
struct BadRange {
    uint64_t first, last;
    unsigned response;
};

class Memory {
    std::unordered_map<uint64_t, std::unique_ptr<uint8_t[]>> pages_;

public:
    uint64_t base = 0, bytes = 0;

    uint8_t* at(uint64_t address) {
        std::unique_ptr<uint8_t[]>& page = pages_[address / kPageBytes];
        if (!page) page = std::make_unique<uint8_t[]>(kPageBytes);
        return page.get() + address % kPageBytes;
    }
    bool holds(uint64_t address, uint64_t size) const {
        return address >= base && size <= bytes && address - base <= bytes - size;
    }
    void copy(uint64_t address, char* data, uint64_t size, bool into) {
        while (size) {
            const uint64_t part = std::min(size, kPageBytes - address % kPageBytes);
            if (into) std::memcpy(at(address), data, part);
            else std::memcpy(data, at(address), part);
            address += part, data += part, size -= part;
        }
    }
};

struct ReadBurst {
    uint64_t address;
    unsigned beats, sent;
    uint64_t due;
};
struct WriteBurst {
    uint64_t address;
    unsigned beats;
};
struct Answer {
    unsigned response;
    uint64_t due;
};

struct Settings {
    uint64_t read_latency = 40, write_latency = 20;
    uint64_t bandwidth_permille = 800;  // of 8 bytes a cycle, reads and writes together
    uint64_t refresh_interval = 780, refresh_cycles = 35;
    uint64_t pause_permille = 0;  // probability that a channel that could move does not
    uint64_t seed = 1;
    bool stall_reads = false, stall_writes = false, hide_irq = false;
};

// Checks that an offered beat stays until it is taken.
class Stable {
    const char* name_;
    bool held_ = false;
    uint64_t payload_ = 0;

public:
    explicit Stable(const char* name) : name_(name) {}
    void see(bool valid, bool ready, uint64_t payload, uint64_t cycle) {
        if (held_ && (!valid || payload != payload_))
            fail(std::string(name_) + ": a beat was withdrawn or changed before it was taken, cycle " +
                 std::to_string(cycle));
        held_ = valid && !ready;
        payload_ = payload;
    }
};

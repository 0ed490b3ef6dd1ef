// Drives any number of stream units side by side, each with its own input file, random idle and
// backpressure and an optional reset in mid-frame; writes every accepted output word with its cycle.
//
// Checks on the way that no unit has a combinational path between its two ends, and that a beat
// once offered stays until it is taken.
//
// Arguments: one line a unit on standard input:
//   in_file in_words out_file out_words idle_permille stall_permille reset_after seed
// reset_after: the unit is reset when it has put out that many words (-1: never) and then gets its
// input from the start again; the output file holds what came after the reset.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <random>
#include <string>
#include <vector>
#include "Vbench.h"
#include "ports.h"

struct Unit {
    Ports ports;
    std::vector<uint8_t> input, output;
    std::vector<uint64_t> in_cycles, out_cycles;
    std::string out_file;
    long in_words = 0, out_words = 0, idle = 0, stall = 0, reset_after = -1, seed = 0;
    long sent = 0, received = 0, in_reset = 0;
    bool offering = false, blocked = false;
    std::vector<uint8_t> blocked_data;
    std::mt19937 random;

    bool chance(long permille) { return long(random() % 1000) < permille; }
    bool done() const { return received >= out_words && in_reset == 0 && reset_after < 0; }
};

static int fail(const Unit& unit, uint64_t cycle, const char* what) {
    std::cerr << unit.ports.name << ": cycle " << cycle << ": " << what << "\n";
    return 1;
}

int main() {
    VerilatedContext context;
    Vbench top{&context};
    std::vector<Unit> units;
    for (const Ports& ports : all_ports(top)) {
        Unit unit;
        unit.ports = ports;
        std::string in_file;
        std::cin >> in_file >> unit.in_words >> unit.out_file >> unit.out_words >> unit.idle >> unit.stall >>
            unit.reset_after >> unit.seed;
        std::ifstream file(in_file, std::ios::binary);
        unit.input.assign(std::istreambuf_iterator<char>(file), {});
        if (!std::cin || long(unit.input.size()) != unit.in_words * ports.in_bytes) {
            return fail(unit, 0, "input file has the wrong size");
        }
        unit.random.seed(unit.seed);
        unit.in_reset = 3;
        units.push_back(std::move(unit));
    }

    const uint64_t limit = 2000000, quiet = 50;
    uint64_t cycle = 0, end = limit;
    for (; cycle < end; cycle++) {
        top.clk = 0;
        for (Unit& unit : units) {
            Ports& p = unit.ports;
            *p.rst_n = unit.in_reset == 0;
            *p.in_valid = 0;
            *p.out_ready = 0;
            if (!unit.offering) unit.offering = unit.in_reset == 0 && unit.sent < unit.in_words && !unit.chance(unit.idle);
            if (unit.offering) std::memcpy(p.in_data, &unit.input[unit.sent * p.in_bytes], p.in_bytes);
        }
        top.eval();
        std::vector<std::pair<int, int>> before;
        for (Unit& unit : units) {
            Ports& p = unit.ports;
            before.emplace_back(*p.in_ready, *p.out_valid);
            *p.in_valid = unit.offering;
            *p.out_ready = unit.in_reset == 0 && !unit.chance(unit.stall);
        }
        top.eval();
        bool all_done = true;
        for (size_t i = 0; i < units.size(); i++) {
            Unit& unit = units[i];
            Ports& p = unit.ports;
            if (*p.in_ready != before[i].first || *p.out_valid != before[i].second) {
                return fail(unit, cycle, "combinational path through the handshake");
            }
            if (unit.in_reset > 0) continue;
            if (unit.blocked && (!*p.out_valid || std::memcmp(p.out_data, unit.blocked_data.data(), p.out_bytes))) {
                return fail(unit, cycle, "an offered beat was withdrawn or changed");
            }
            unit.blocked = *p.out_valid && !*p.out_ready;
            const uint8_t* data = static_cast<const uint8_t*>(p.out_data);
            if (unit.blocked) unit.blocked_data.assign(data, data + p.out_bytes);
            if (*p.in_valid && *p.in_ready) {
                unit.in_cycles.push_back(cycle);
                unit.sent++;
                unit.offering = false;
            }
            if (*p.out_valid && *p.out_ready) {
                unit.output.insert(unit.output.end(), data, data + p.out_bytes);
                unit.out_cycles.push_back(cycle);
                unit.received++;
            }
        }
        top.clk = 1;
        top.eval();
        for (Unit& unit : units) {
            if (unit.in_reset > 0) {
                unit.in_reset--;
            } else if (unit.reset_after >= 0 && unit.received >= unit.reset_after) {
                unit.reset_after = -1;
                unit.in_reset = 3;
                unit.sent = unit.received = 0;
                unit.offering = unit.blocked = false;
                unit.output.clear();
                unit.in_cycles.clear();
                unit.out_cycles.clear();
            }
            all_done = all_done && unit.done();
        }
        if (all_done && end == limit) end = cycle + quiet;
    }
    for (Unit& unit : units) {
        if (!unit.done()) return fail(unit, cycle, ("only " + std::to_string(unit.received) + " words came out").c_str());
        auto write = [&](const char* ending, const void* data, size_t size) {
            std::ofstream(unit.out_file + ending, std::ios::binary).write(static_cast<const char*>(data), size);
        };
        write(".data", unit.output.data(), unit.output.size());
        write(".in", unit.in_cycles.data(), 8 * unit.in_cycles.size());
        write(".out", unit.out_cycles.data(), 8 * unit.out_cycles.size());
    }
    return 0;
}

// The whole accelerator beside a model of its processor port and its memory.
//
// Commands come as lines on standard input, some followed by raw bytes; each is answered by one
// line, "ok ..." with the clock cycle last, or "error ..." after which the process ends. Time only
// passes in commands that say so. bnn_hw/sim/board.py is the other end.

#include <cstdint>
#include <iostream>
#include <map>
#include <sstream>
#include <string>

#include "board.h"

namespace {

class Console {
    Board& board_;
    uint64_t access_cycles_ = 0;

    void ok(const std::string& text = "") {
        std::cout << "ok " << text << (text.empty() ? "" : " ") << board_.cycle() << "\n" << std::flush;
    }
    void idle() {
        for (uint64_t i = 0; i < access_cycles_; ++i) board_.tick();
    }

    void registers(std::istream& line, bool write) {
        Board::Burst burst;
        burst.write = write;
        line >> std::hex >> burst.address;
        if (write) {
            burst.data.resize(1);
            line >> burst.data[0];
        }
        board_.transact(burst);
        idle();
        if (burst.response) fail("the register port refuses address " + hex(burst.address));
        ok(write ? "" : std::to_string(burst.data[0]));
    }

    // burst WRITE ADDRESS SIZE KIND STROBES DATA_FIRST BEATS [WORDS], all in hexadecimal
    void raw_burst(std::istream& line) {
        Board::Burst burst;
        unsigned first = 0;
        line >> std::hex >> burst.write >> burst.address >> burst.size >> burst.kind >> burst.strobes >> first >>
            burst.beats;
        burst.w_first = first;
        if (burst.write) {
            burst.data.resize(burst.beats);
            for (uint32_t& word : burst.data) line >> word;
        }
        board_.transact(burst);
        std::string text = std::to_string(burst.response);
        if (!burst.write)
            for (uint32_t word : burst.data) text += " " + std::to_string(word);
        ok(text);
    }

    void memory(std::istream& line, bool write) {
        uint64_t address = 0, size = 0;
        line >> std::hex >> address >> size;
        std::string data(size, 0);
        if (write) std::cin.read(data.data(), static_cast<std::streamsize>(size));
        board_.memory.copy(address, data.data(), size, write);
        ok();
        if (!write) std::cout.write(data.data(), static_cast<std::streamsize>(size)) << std::flush;
    }

    void run(std::istream& line, bool until_irq) {
        uint64_t cycles = 0;
        line >> cycles;
        const uint64_t end = board_.cycle() + cycles;
        while (board_.cycle() < end && !(until_irq && board_.irq())) board_.tick();
        ok(std::to_string(board_.irq()));
    }

    void set(std::istream& line) {
        std::string key;
        uint64_t value = 0;
        line >> key >> value;
        Settings& s = board_.settings;
        const std::map<std::string, uint64_t*> numbers = {
            {"read_latency", &s.read_latency},         {"write_latency", &s.write_latency},
            {"bandwidth_permille", &s.bandwidth_permille}, {"refresh_interval", &s.refresh_interval},
            {"refresh_cycles", &s.refresh_cycles},     {"pause_permille", &s.pause_permille},
            {"seed", &s.seed},                         {"access_cycles", &access_cycles_},
            {"memory_base", &board_.memory.base},      {"memory_bytes", &board_.memory.bytes}};
        const std::map<std::string, bool*> flags = {
            {"stall_reads", &s.stall_reads}, {"stall_writes", &s.stall_writes}, {"hide_irq", &s.hide_irq}};
        if (numbers.count(key)) *numbers.at(key) = value;
        else if (flags.count(key)) *flags.at(key) = value;
        else fail("unknown setting " + key);
        if (key == "seed") board_.reseed();
        ok();
    }

    // bad read|write|none FIRST LAST RESPONSE
    void bad(std::istream& line) {
        std::string what;
        BadRange range{};
        line >> what >> std::hex >> range.first >> range.last >> range.response;
        if (what == "read") board_.bad_reads.push_back(range);
        else if (what == "write") board_.bad_writes.push_back(range);
        else board_.bad_reads.clear(), board_.bad_writes.clear();
        ok();
    }

public:
    explicit Console(Board& board) : board_(board) {}

    void serve() {
        ok();
        std::string text;
        while (std::getline(std::cin, text)) {
            std::istringstream line(text);
            std::string command;
            line >> command;
            if (command == "read") registers(line, false);
            else if (command == "write") registers(line, true);
            else if (command == "burst") raw_burst(line);
            else if (command == "load") memory(line, true);
            else if (command == "dump") memory(line, false);
            else if (command == "run") run(line, false);
            else if (command == "irq") run(line, true);
            else if (command == "set") set(line);
            else if (command == "bad") bad(line);
            else if (command == "drained") ok(std::to_string(board_.drained()));
            else if (command == "stop") break;
            else fail("unknown command " + text);
        }
    }
};

}  // namespace

int main(int argc, char** argv) {
    std::ios::sync_with_stdio(false);
    Board board(argc, argv);
    Console(board).serve();
    return 0;
}

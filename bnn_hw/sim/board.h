// The accelerator with its processor port and its memory, cycle by cycle.
//
// The memory keeps the rules of a high-performance port: bursts of at most 16 beats of 8 bytes that
// cross no 4 KB, answers in order, valid and its payload stable until taken, WLAST with the last
// beat. A breach ends the simulation with an error.

#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "Vbnn_accelerator.h"
#include "board_memory.h"
#include "verilated.h"

constexpr uint64_t kRegisterLimit = 10000;  // cycles in which the register port must answer
constexpr size_t kPortBursts = 8;           // that a high-performance port takes

class Board {
    VerilatedContext context_;
    Vbnn_accelerator top_;
    uint64_t cycle_ = 0;
    uint64_t random_ = 1;
    int64_t tokens_ = 0;  // thousandths of a beat
    std::deque<ReadBurst> reads_;
    std::deque<WriteBurst> write_addresses_;
    std::deque<std::vector<uint64_t>> write_data_;
    std::vector<uint64_t> collecting_;
    std::deque<Answer> answers_;
    Stable ar_{"ARADDR"}, aw_{"AWADDR"}, w_{"WDATA"}, b_{"BID"}, r_{"RDATA"};
    unsigned next_id_ = 1;

    uint64_t random() {
        random_ ^= random_ << 13;
        random_ ^= random_ >> 7;
        random_ ^= random_ << 17;
        return random_ >> 11;
    }
    bool pauses() { return settings.pause_permille && random() % 1000 < settings.pause_permille; }

    unsigned response_to(const std::vector<BadRange>& bad, uint64_t address, unsigned beats) const {
        const uint64_t last = address + 8 * beats - 1;
        for (const BadRange& range : bad)
            if (address <= range.last && range.first <= last) return range.response;
        return memory.holds(address, 8 * beats) ? 0 : 3;
    }
    void check_burst(const char* what, uint64_t address, unsigned beats) const {
        if (address % 8) fail(std::string(what) + " burst at " + hex(address) + " is not aligned to 8 bytes");
        if (address / 4096 != (address + 8 * beats - 1) / 4096)
            fail(std::string(what) + " burst at " + hex(address) + " of " + std::to_string(beats) +
                 " beats crosses 4 KB");
    }

    // What the memory offers in this cycle; nothing here looks at the accelerator's outputs.
    void drive_memory() {
        const bool refreshing = settings.refresh_interval && settings.refresh_cycles &&
                                cycle_ % settings.refresh_interval < settings.refresh_cycles;
        tokens_ = std::min<int64_t>(tokens_ + int64_t(settings.bandwidth_permille), 4000);
        const bool may_move = tokens_ >= 1000 && !refreshing;
        top_.hp_arready = !settings.stall_reads && reads_.size() < kPortBursts && !pauses();
        top_.hp_awready = !settings.stall_writes && write_addresses_.size() < kPortBursts && !pauses();
        top_.hp_wready = !settings.stall_writes && write_data_.size() < kPortBursts && may_move && !pauses();
        if (!top_.hp_rvalid && !settings.stall_reads && may_move && !reads_.empty() &&
            reads_.front().due <= cycle_ && !pauses()) {
            const ReadBurst& burst = reads_.front();
            const uint64_t address = burst.address + 8 * burst.sent;
            top_.hp_rvalid = 1;
            top_.hp_rresp = response_to(bad_reads, address, 1);
            uint64_t data = 0xDEADDEADDEADDEADull;
            if (!top_.hp_rresp) std::memcpy(&data, memory.at(address), 8);
            top_.hp_rdata = data;
            top_.hp_rlast = burst.sent + 1 == burst.beats;
        }
        if (!top_.hp_bvalid && !settings.stall_writes && !answers_.empty() && answers_.front().due <= cycle_ &&
            !pauses()) {
            top_.hp_bvalid = 1;
            top_.hp_bresp = answers_.front().response;
        }
    }

    void observe_memory() {
        ar_.see(top_.hp_arvalid, top_.hp_arready, uint64_t(top_.hp_arlen) << 32 | top_.hp_araddr, cycle_);
        aw_.see(top_.hp_awvalid, top_.hp_awready, uint64_t(top_.hp_awlen) << 32 | top_.hp_awaddr, cycle_);
        w_.see(top_.hp_wvalid, top_.hp_wready, top_.hp_wdata ^ uint64_t(top_.hp_wlast) << 63, cycle_);
        if (top_.hp_arvalid && top_.hp_arready) {
            check_burst("read", top_.hp_araddr, top_.hp_arlen + 1u);
            reads_.push_back({top_.hp_araddr, top_.hp_arlen + 1u, 0, cycle_ + settings.read_latency});
        }
        if (top_.hp_awvalid && top_.hp_awready) {
            check_burst("write", top_.hp_awaddr, top_.hp_awlen + 1u);
            write_addresses_.push_back({top_.hp_awaddr, top_.hp_awlen + 1u});
        }
        if (top_.hp_wvalid && top_.hp_wready) {
            tokens_ -= 1000;
            collecting_.push_back(top_.hp_wdata);
            if (collecting_.size() > 16) fail("a write burst has more than 16 beats");
            if (top_.hp_wlast) {
                write_data_.push_back(collecting_);
                collecting_.clear();
            }
        }
        // A beat that was taken is withdrawn after this cycle's edge.
        took_read_ = top_.hp_rvalid && top_.hp_rready;
        took_answer_ = top_.hp_bvalid && top_.hp_bready;
    }

    void advance_memory() {
        if (took_read_) {
            tokens_ -= 1000;
            top_.hp_rvalid = 0;
            if (++reads_.front().sent == reads_.front().beats) reads_.pop_front();
        }
        if (took_answer_) {
            top_.hp_bvalid = 0;
            answers_.pop_front();
        }
        while (!write_addresses_.empty() && !write_data_.empty()) {
            const WriteBurst burst = write_addresses_.front();
            const std::vector<uint64_t>& data = write_data_.front();
            if (data.size() != burst.beats)
                fail("WLAST after " + std::to_string(data.size()) + " beats of a burst of " +
                     std::to_string(burst.beats) + " at " + hex(burst.address));
            const unsigned response = response_to(bad_writes, burst.address, burst.beats);
            if (!response)
                for (size_t i = 0; i < data.size(); ++i) std::memcpy(memory.at(burst.address + 8 * i), &data[i], 8);
            answers_.push_back({response, cycle_ + settings.write_latency});
            written_beats += data.size();
            write_addresses_.pop_front();
            write_data_.pop_front();
        }
    }

    bool took_read_ = false, took_answer_ = false;

public:
    Settings settings;
    Memory memory;
    std::vector<BadRange> bad_reads, bad_writes;
    uint64_t written_beats = 0;

    Board(int argc, char** argv) : context_(), top_((context_.commandArgs(argc, argv), &context_)) {
        top_.rst_n = 0;
        top_.gp_awvalid = top_.gp_wvalid = top_.gp_arvalid = top_.gp_bready = top_.gp_rready = 0;
        top_.hp_rvalid = top_.hp_bvalid = 0;
        for (int i = 0; i < 8; ++i) tick();
        top_.rst_n = 1;
        // A processor takes far longer to come this way than the shell's own reset lasts.
        for (int i = 0; i < 32; ++i) tick();
        cycle_ = 0;
    }
    ~Board() { top_.final(); }

    uint64_t cycle() const { return cycle_; }
    bool irq() const { return top_.irq && !settings.hide_irq; }
    bool drained() const {
        return reads_.empty() && write_addresses_.empty() && write_data_.empty() && collecting_.empty() &&
               answers_.empty();
    }
    void reseed() { random_ = settings.seed * 0x9E3779B97F4A7C15ull | 1; }

    // One clock cycle. Between the two halves outputs and inputs of the cycle stand side by side.
    void tick() {
        drive_memory();
        top_.clk = 0;
        top_.eval();
        if (top_.rst_n) observe_memory();
        before_edge();
        top_.clk = 1;
        top_.eval();
        if (top_.rst_n) advance_memory();
        after_edge();
        ++cycle_;
    }

    // ---- the processor's port
    struct Burst {
        bool write = false;
        unsigned address = 0, size = 2, kind = 1, strobes = 15;
        std::vector<uint32_t> data;  // to write, or read
        unsigned beats = 1, response = 0;
        bool w_first = false;  // the data is offered before the address
    };

private:
    Burst* burst_ = nullptr;
    unsigned id_ = 0, beat_ = 0;
    bool address_done_ = false, over_ = false;
    bool aw_moves_ = false, w_moves_ = false, b_moves_ = false, ar_moves_ = false, r_moves_ = false;

    void before_edge() {
        aw_moves_ = top_.gp_awvalid && top_.gp_awready;
        w_moves_ = top_.gp_wvalid && top_.gp_wready;
        b_moves_ = top_.gp_bvalid && top_.gp_bready;
        ar_moves_ = top_.gp_arvalid && top_.gp_arready;
        r_moves_ = top_.gp_rvalid && top_.gp_rready;
        if (top_.rst_n) {
            b_.see(top_.gp_bvalid, top_.gp_bready, top_.gp_bid << 2 | top_.gp_bresp, cycle_);
            r_.see(top_.gp_rvalid, top_.gp_rready,
                   uint64_t(top_.gp_rdata) << 16 | top_.gp_rid << 3 | top_.gp_rresp << 1 | top_.gp_rlast, cycle_);
        }
        if (b_moves_) {
            if (!burst_ || !burst_->write || beat_ < burst_->beats || !address_done_)
                fail("the register port answers a write that is not complete");
            if (top_.gp_bid != id_) fail("the register port answers a write with another id");
            burst_->response = top_.gp_bresp;
            over_ = true;
        }
        if (r_moves_) {
            if (!burst_ || burst_->write || !address_done_) fail("the register port answers without a read");
            if (top_.gp_rid != id_) fail("the register port answers a read with another id");
            const bool last = beat_ + 1 == burst_->beats;
            if (bool(top_.gp_rlast) != last) fail("RLAST of the register port is wrong");
            burst_->data.push_back(top_.gp_rdata);
            burst_->response |= top_.gp_rresp;
            ++beat_;
            over_ = last;
        }
    }

    void offer_word() {
        if (beat_ >= burst_->beats) {
            top_.gp_wvalid = 0;
            return;
        }
        top_.gp_wvalid = 1;
        top_.gp_wdata = burst_->data[beat_];
        top_.gp_wstrb = burst_->strobes;
        top_.gp_wlast = beat_ + 1 == burst_->beats;
    }

    void after_edge() {
        if (!burst_) return;
        if (aw_moves_ || ar_moves_) {
            address_done_ = true;
            top_.gp_awvalid = top_.gp_arvalid = 0;
        }
        if (burst_->write) {
            if (w_moves_) ++beat_;
            if (w_moves_ || !top_.gp_wvalid) offer_word();
            if (!address_done_ && (!burst_->w_first || cycle_ % 4 == 3)) top_.gp_awvalid = 1;
            top_.gp_bready = !over_ && random() % 4 != 0;
        } else {
            top_.gp_rready = !over_ && random() % 4 != 0;
        }
    }

public:
    // Carries out one AXI3 transaction; time passes until it is answered.
    void transact(Burst& burst) {
        burst_ = &burst;
        id_ = next_id_ = (next_id_ * 5 + 3) & 0xFFF;
        beat_ = 0;
        address_done_ = over_ = false;
        if (burst.write) {
            top_.gp_awaddr = burst.address & 0xFFF;
            top_.gp_awid = id_;
            top_.gp_awsize = burst.size;
            top_.gp_awburst = burst.kind;
            if (!burst.w_first) top_.gp_awvalid = 1;
            offer_word();
        } else {
            top_.gp_araddr = burst.address & 0xFFF;
            top_.gp_arid = id_;
            top_.gp_arlen = burst.beats - 1;
            top_.gp_arsize = burst.size;
            top_.gp_arburst = burst.kind;
            top_.gp_arvalid = 1;
        }
        const uint64_t limit = cycle_ + kRegisterLimit;
        while (!over_) {
            tick();
            if (cycle_ > limit) fail("the register port does not answer at " + hex(burst.address));
        }
        top_.gp_bready = top_.gp_rready = 0;
        burst_ = nullptr;
    }
};

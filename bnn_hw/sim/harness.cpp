// Drives bnn_core for whole runs of frames and writes down what happened, cycle by cycle.
//
// One process is one run; its working directory is the RTL folder, from which the
// memory images are read. Results go to files that bnn_hw/sim/run.py reads.
// stages.h is generated: the name, wires and beat size of every stage's output stream, and
// BNN_CONFIG if the core has a configuration port. With BNN_SAIF the run also writes core.saif: how
// often every net changed while frames followed each other without a gap.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "Vbnn_core.h"
#include "Vbnn_core___024root.h"
#include "verilated.h"
#ifdef BNN_SAIF
#include "verilated_saif_c.h"
#endif

#define BNN_STAGE(name, valid, ready, data, bytes)
#include "stages.h"
#undef BNN_STAGE

namespace {

constexpr uint64_t kQuietCycles = 256;
// Between power-up and the first beat, for what a core does without input (leading padding).
constexpr int kSettleCycles = 1024;

struct Channel {
    const char* name;
    const CData* valid;
    const CData* ready;
    const void* data;
    size_t bytes;  // of one beat
    bool recorded = false;
    uint64_t beats = 0, blocked = 0, starved = 0;
    std::vector<uint8_t> values{};
};

// One record a word that left the core; read by numpy, so the layout is fixed.
struct OutputWord {
    uint64_t cycle;
    uint32_t data;
    uint32_t last;
};

// A request to the configuration port, made when that many frames are out and no other is inside.
struct Request {
    uint32_t after_frames;
    uint32_t write;
    uint32_t address;
    uint32_t data;
};

[[noreturn]] void fail(const std::string& text) {
    std::fprintf(stderr, "harness: %s\n", text.c_str());
    std::exit(2);
}

// key=value arguments
class Options {
    std::map<std::string, std::string> values_;

public:
    Options(int argc, char** argv) {
        for (int i = 1; i < argc; ++i) {
            const std::string item = argv[i];
            const size_t split = item.find('=');
            if (item[0] == '+') continue;  // for Verilator
            if (split == std::string::npos) fail("argument without a value: " + item);
            values_[item.substr(0, split)] = item.substr(split + 1);
        }
    }
    std::string text(const std::string& key) const {
        const auto found = values_.find(key);
        if (found == values_.end()) fail("argument missing: " + key);
        return found->second;
    }
    uint64_t number(const std::string& key) const { return std::strtoull(text(key).c_str(), nullptr, 10); }
};

// Random runs of "go" and "wait" whose lengths are spread evenly over the powers of two
// up to the greatest, so that single-cycle bubbles and long stalls both occur.
class Gate {
    uint64_t state_;
    unsigned powers_;
    uint64_t left_ = 0;
    bool open_ = true;

    uint64_t random() {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return state_ >> 16;
    }

public:
    Gate(uint64_t seed, uint64_t longest) : state_(seed * 0x9E3779B97F4A7C15ull | 1), powers_(0) {
        while ((longest >> powers_) > 1) ++powers_;
        for (int i = 0; i < 8; ++i) random();
    }
    bool next() {
        if (left_ == 0) {
            open_ = !open_;
            left_ = 1 + (random() & ((1ull << (random() % (powers_ + 1))) - 1));
        }
        --left_;
        return open_;
    }
};

std::vector<uint8_t> read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) fail("cannot read " + path);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void write_file(const std::string& path, const void* data, size_t bytes) {
    std::ofstream file(path, std::ios::binary);
    file.write(static_cast<const char*>(data), static_cast<std::streamsize>(bytes));
    file.close();
    if (!file) fail("cannot write " + path);
}

#ifdef BNN_SAIF
// Writes down once a cycle, when all has settled, which nets changed.
class Activity {
    VerilatedSaifC file_;
    const std::string folder_;
    bool open_ = false;
    uint64_t first_ = 0, cycles_ = 0;

public:
    Activity(Vbnn_core& top, const std::string& folder) : folder_(folder) { top.trace(&file_, 1000); }
    void cycle(uint64_t cycle, bool steady) {
        if (steady) {
            if (!open_) {
                file_.open((folder_ + "/core.saif").c_str());
                open_ = true;
                first_ = cycle;
            }
            file_.dump(cycle - first_);
            cycles_ = cycle - first_;
        } else if (open_) {
            file_.close();
            open_ = false;
        }
    }
    void end() { if (open_) file_.close(); }
    uint64_t cycles() const { return cycles_; }
};
#else
class Activity {
public:
    Activity(Vbnn_core&, const std::string&) {}
    void cycle(uint64_t, bool) {}
    void end() {}
    uint64_t cycles() const { return 0; }
};
#endif

class Run {
    const Options& options_;
    VerilatedContext context_;
    Vbnn_core top_;
    Activity activity_;
    std::vector<Channel> channels_;
    std::vector<uint8_t> input_;
    std::vector<OutputWord> output_;
    std::vector<Request> requests_;
    std::vector<uint32_t> answers_;
    size_t next_request_ = 0;
    std::vector<uint64_t> first_beats_;  // cycle in which each frame's first beat was taken
    const uint64_t frames_, beats_, input_bytes_, watchdog_, longest_stall_;
    uint64_t reset_at_;
    uint64_t cycle_ = 0, sent_ = 0, frames_done_ = 0;
    uint64_t last_progress_ = 0;  // last beat at one of the two ends
    uint64_t last_beat_ = 0;      // last beat anywhere
    Gate source_, sink_;
    bool offering_ = false;

    static VerilatedContext* prepare(VerilatedContext& context) {
#ifdef BNN_SAIF
        context.traceEverOn(true);
#endif
        return &context;
    }

    void half(bool clk) {
        top_.clk = clk;
        top_.eval();
    }

    void reset() {
#ifdef BNN_CONFIG
        top_.config_valid = 0;
#endif
        top_.rst_n = 0;
        top_.s_valid = 0;
        top_.m_ready = 0;
        for (int i = 0; i < 4; ++i) {
            half(false);
            half(true);
        }
        top_.rst_n = 1;
        cycle_ = sent_ = frames_done_ = last_progress_ = last_beat_ = 0;
        offering_ = false;
        output_.clear();
        first_beats_.clear();
        for (Channel& channel : channels_) {
            channel.beats = channel.blocked = channel.starved = 0;
            channel.values.clear();
        }
    }

    void drive() {
        const bool stalls = longest_stall_ != 0 && frames_done_ < frames_;
        const bool open = !stalls || source_.next();
        // A beat that was offered stays until it is taken; no frame starts before requests due at its start.
        const bool waits = next_request_ < requests_.size() &&
                           sent_ >= uint64_t{requests_[next_request_].after_frames} * beats_;
        if (sent_ < frames_ * beats_ && ((open && !waits) || offering_)) {
            std::memcpy(&top_.s_data, input_.data() + sent_ * input_bytes_, input_bytes_);
            offering_ = true;
        }
        top_.s_valid = offering_;
        top_.m_ready = !stalls || sink_.next();
    }

    void observe() {
        if (top_.s_valid && top_.s_ready) {
            if (sent_ % beats_ == 0) first_beats_.push_back(cycle_);
            ++sent_;
            offering_ = false;
            last_progress_ = cycle_;
        }
        if (top_.m_valid && top_.m_ready) {
            output_.push_back({cycle_, static_cast<uint32_t>(top_.m_data), static_cast<uint32_t>(top_.m_last)});
            last_progress_ = cycle_;
            if (top_.m_last) {
                ++frames_done_;
                std::printf("frame %llu\n", static_cast<unsigned long long>(frames_done_));
                std::fflush(stdout);
            }
        }
        for (Channel& channel : channels_) {
            if (!*channel.valid) {
                ++channel.starved;
            } else if (!*channel.ready) {
                ++channel.blocked;
            } else {
                ++channel.beats;
                last_beat_ = cycle_;
                if (channel.recorded) {
                    const auto* data = static_cast<const uint8_t*>(channel.data);
                    channel.values.insert(channel.values.end(), data, data + channel.bytes);
                }
            }
        }
    }

#ifdef BNN_CONFIG
    // Does the requests that are due, one after the other; nothing else moves meanwhile.
    void configure() {
        while (next_request_ < requests_.size()) {
            const Request& request = requests_[next_request_];
            if (frames_done_ < request.after_frames || sent_ < uint64_t{request.after_frames} * beats_) return;
            top_.s_valid = 0;
            top_.config_valid = 1;
            top_.config_write = request.write;
            top_.config_address = request.address;
            top_.config_write_data = request.data;
            bool taken = false;
            while (!taken) {
                half(false);
                taken = top_.config_ready;
                half(true);
                ++cycle_;
            }
            top_.config_valid = 0;
            for (int wait = 0; !request.write; ++wait) {
                if (wait > 100) fail("the configuration port does not answer");
                half(false);
                const bool answered = top_.config_read_valid;
                if (answered) answers_.push_back(top_.config_read_data);
                half(true);
                ++cycle_;
                if (answered) break;
            }
            ++next_request_;
            last_progress_ = cycle_;
        }
    }
#else
    void configure() {
        if (!requests_.empty()) fail("the core has no configuration port");
    }
#endif

    void write_result(const char* status) {
        const std::string folder = options_.text("folder");
        std::string json = "{\"status\": \"" + std::string(status) + "\", \"cycles\": " + std::to_string(cycle_) +
                           ", \"active_cycles\": " + std::to_string(activity_.cycles()) +
                           ", \"sent\": " + std::to_string(sent_) +
                           ", \"s_valid\": " + std::to_string(top_.s_valid) +
                           ", \"s_ready\": " + std::to_string(top_.s_ready) +
                           ", \"m_valid\": " + std::to_string(top_.m_valid) +
                           ", \"m_ready\": " + std::to_string(top_.m_ready) + ", \"channels\": [";
        for (size_t i = 0; i < channels_.size(); ++i) {
            const Channel& c = channels_[i];
            json += std::string(i ? ",\n" : "\n") + "{\"name\": \"" + c.name +
                    "\", \"valid\": " + std::to_string(*c.valid) + ", \"ready\": " + std::to_string(*c.ready) +
                    ", \"beats\": " + std::to_string(c.beats) + ", \"blocked\": " + std::to_string(c.blocked) +
                    ", \"starved\": " + std::to_string(c.starved) + "}";
            if (c.recorded)
                write_file(folder + "/" + c.name + ".bin", c.values.data(), c.values.size());
        }
        json += "]}\n";
        write_file(folder + "/output.bin", output_.data(), output_.size() * sizeof(OutputWord));
        write_file(folder + "/answers.bin", answers_.data(), answers_.size() * sizeof(uint32_t));
        write_file(folder + "/first_beats.bin", first_beats_.data(), first_beats_.size() * sizeof(uint64_t));
        write_file(folder + "/result.json", json.data(), json.size());
    }

public:
    explicit Run(const Options& options, int argc, char** argv)
        : options_(options),
          context_(),
          top_((context_.commandArgs(argc, argv), prepare(context_))),
          activity_(top_, options.text("folder")),
          frames_(options.number("frames")),
          beats_(options.number("beats")),
          input_bytes_(options.number("input_bytes")),
          watchdog_(options.number("watchdog")),
          longest_stall_(options.number("longest_stall")),
          reset_at_(options.number("reset_at")),
          source_(2 * options.number("seed"), longest_stall_),
          sink_(2 * options.number("seed") + 1, longest_stall_) {
        const auto* root = top_.rootp;
#define BNN_STAGE(name, valid, ready, data, bytes) \
    channels_.push_back({name, &root->valid, &root->ready, &root->data, bytes});
#include "stages.h"
#undef BNN_STAGE
        const std::string recorded = "," + options.text("record") + ",";
        for (Channel& channel : channels_)
            channel.recorded = recorded.find("," + std::string(channel.name) + ",") != std::string::npos;
        const std::vector<uint8_t> requests = read_file(options.text("requests"));
        requests_.resize(requests.size() / sizeof(Request));
        std::memcpy(requests_.data(), requests.data(), requests_.size() * sizeof(Request));
        input_ = read_file(options.text("input"));
        if (input_.size() != frames_ * beats_ * input_bytes_) fail("the input file has the wrong size");
    }

    // Ends when all frames are out and what no output needs (left-over rows) has come to rest.
    bool finished() const {
        return next_request_ == requests_.size() && frames_done_ >= frames_ && sent_ == frames_ * beats_ && cycle_ - last_beat_ > kQuietCycles;
    }

    void simulate() {
        reset();
        for (int i = 0; i < kSettleCycles; ++i) {
            half(false);
            half(true);
        }
        while (!finished()) {
            if (reset_at_ && cycle_ == reset_at_) {
                reset_at_ = 0;
                reset();
            }
            configure();
            drive();
            half(false);
            observe();
            activity_.cycle(cycle_, frames_done_ > 0 && sent_ < frames_ * beats_);
            if (cycle_ - last_progress_ > watchdog_) {
                write_result("stuck");
                return;
            }
            half(true);
            ++cycle_;
        }
        activity_.end();
        write_result("done");
    }
};

}  // namespace

int main(int argc, char** argv) {
    const Options options(argc, argv);
    Run run(options, argc, argv);
    run.simulate();
    return 0;
}

// SPDX-License-Identifier: MIT
// The steps that a scripted guest knows.
#include "testkit/fake_qemu/guest.hpp"

#include <csignal>

#include <charconv>
#include <filesystem>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>

#include "testkit/fake_qemu/fake_qemu.hpp"

namespace vmfleet::testkit {
namespace {

using std::chrono::milliseconds;

/// What is for the guest, as its kernel's arguments say.
std::string_view argument_of(std::string_view append) noexcept {
  constexpr std::string_view kMark = "-- ";
  const auto mark = append.find(kMark);
  return mark == std::string_view::npos ? std::string_view() : append.substr(mark + kMark.size());
}

bool has(const json::Value& step, std::string_view key) {
  return !step[key].is_null();
}

}  // namespace

Guest::Guest(FakeQemu& machine, const Script& script, const Options& options)
    : machine_(&machine), script_(&script), options_(&options), steps_(&script.guest()) {}

void Guest::restart() {
  input_.clear();
  typed_.clear();
  jump_to(script_->guest());
}

void Guest::jump_to(const json::Array& steps) {
  steps_ = &steps;
  index_ = 0;
  jumped_ = true;
}

void Guest::press_power_button() {
  if (script_->on_powerdown().empty()) return;
  count_ = 0;
  due_.reset();
  jump_to(script_->on_powerdown());
}

void Guest::run() {
  while (machine_->running() && index_ < steps_->size()) {
    jumped_ = false;
    if (!perform((*steps_)[index_])) return;
    if (!jumped_) ++index_;
    count_ = 0;
    due_.reset();
  }
}

bool Guest::perform(const json::Value& step) {
  if (has(step, "write")) return write(step);
  if (has(step, "read_line")) return read_line();
  if (has(step, "echo")) {
    machine_->write_serial(input_);
    input_.clear();
    return false;
  }
  return wait(step) && act(step);
}

bool Guest::wait_until(Monotonic::time_point time) {
  if (!due_) due_ = time;
  if (Monotonic::now() < *due_) return false;
  due_.reset();
  return true;
}

bool Guest::wait(const json::Value& step) {
  if (has(step, "wait_ms")) {
    return wait_until(Monotonic::now() + milliseconds(number(step, "wait_ms")));
  }
  if (has(step, "wait_input")) {
    const auto at = input_.find(step.text("wait_input"));
    if (at == std::string::npos) return false;
    input_.erase(0, at + step.text("wait_input").size());
  }
  if (has(step, "wait_command") && !machine_->saw_command(step.text("wait_command"))) return false;
  if (has(step, "wait_path") && !std::filesystem::exists(step.text("wait_path"))) {
    due_ = Monotonic::now() + milliseconds(2);
    return false;
  }
  return true;
}

bool Guest::write(const json::Value& step) {
  const std::int64_t times = has(step, "times") ? number(step, "times") : 1;
  const std::int64_t burst = has(step, "burst") ? number(step, "burst") : 1;
  const std::int64_t pause = has(step, "every_ms") ? number(step, "every_ms") : 0;
  if (count_ > 0 && pause > 0 && !wait_until(Monotonic::now())) return false;
  std::string text;
  for (std::int64_t i = 0; i < burst && count_ != times; ++i, ++count_) {
    text += expand(step.text("write"));
  }
  machine_->write_serial(text);
  if (count_ == times) return true;
  due_ = Monotonic::now() + milliseconds(pause);
  return false;
}

bool Guest::read_line() {
  while (!input_.empty()) {
    const char c = input_[0];
    input_.erase(0, 1);
    if (c == '\n' || c == '\r') {
      line_ = std::exchange(typed_, "");
      return true;
    }
    typed_ += c;
    machine_->write_serial(std::string_view(&c, 1));
  }
  return false;
}

bool Guest::act(const json::Value& step) {
  if (has(step, "event")) {
    for (std::int64_t i = 0; i < std::max<std::int64_t>(1, step.integer("times", 1)); ++i) {
      machine_->emit(step.text("event"), step["data"]);
    }
  }
  if (has(step, "listen")) {
    machine_->forwards.listen(static_cast<std::uint16_t>(number(step, "listen")),
                              std::string(step.text("banner")));
  }
  if (has(step, "stderr")) fmt::print(stderr, "{}", step.text("stderr"));
  if (has(step, "close_clients")) machine_->close_clients();
  if (has(step, "kill")) raise(static_cast<int>(number(step, "kill")));
  if (has(step, "exit")) machine_->end(static_cast<int>(number(step, "exit")));
  if (has(step, "shutdown")) machine_->shut_down("guest-shutdown", true, 0);
  if (has(step, "panic")) machine_->panic();
  if (has(step, "debug_exit") && options_->debug_exit) {
    machine_->end(static_cast<int>(number(step, "debug_exit") << 1 | 1) & 0xff);
  }
  if (has(step, "again")) jump_to(*steps_);
  if (has(step, "reset")) machine_->guest_resets();
  return true;
}

std::int64_t Guest::number(const json::Value& step, std::string_view key) const {
  if (step[key].is_number()) return step.integer(key, 0);
  const std::string_view words = argument_of(options_->append);
  const auto digit = words.find_first_of("0123456789");
  std::int64_t value = step.integer("otherwise", -1);
  if (digit != std::string::npos) {
    std::from_chars(words.data() + digit, words.data() + words.size(), value);
  }
  return value;
}

std::string Guest::expand(std::string_view text) const {
  const std::string counted = replace_all(text, "{n}", fmt::format("{:08}", count_));
  const std::string heard = replace_all(counted, "{line}", line_);
  return replace_all(heard, "{append}", argument_of(options_->append));
}

}  // namespace vmfleet::testkit

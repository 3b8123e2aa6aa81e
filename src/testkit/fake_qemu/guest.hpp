// SPDX-License-Identifier: MIT
// Guest: the program that "runs" in a fake QEMU, a list of steps.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <vmfleet/base/json.hpp>

#include "testkit/fake_qemu/monitor.hpp"
#include "testkit/fake_qemu/script.hpp"

namespace vmfleet::testkit {

class FakeQemu;

/// Each step either finishes, or waits for time, input, a command or a file.
class Guest {
 public:
  Guest(FakeQemu& machine, const Script& script, const Options& options);

  /// Performs steps until one must wait.
  void run();
  void restart();
  void press_power_button();
  void input(std::string_view bytes) { input_ += bytes; }
  [[nodiscard]] std::optional<Monotonic::time_point> due() const { return due_; }

 private:
  void jump_to(const json::Array& steps);
  bool perform(const json::Value& step);
  bool wait(const json::Value& step);
  bool write(const json::Value& step);
  bool read_line();
  bool act(const json::Value& step);
  bool wait_until(Monotonic::time_point time);
  /// A number, or the first one of the kernel's arguments, or the step's `otherwise`.
  [[nodiscard]] std::int64_t number(const json::Value& step, std::string_view key) const;
  [[nodiscard]] std::string expand(std::string_view text) const;

  FakeQemu* machine_;
  const Script* script_;
  const Options* options_;
  const json::Array* steps_;
  std::size_t index_ = 0;
  bool jumped_ = false;
  std::int64_t count_ = 0;  // how often this step was done
  std::string input_;
  std::string typed_;  // of an unfinished line
  std::string line_;
  std::optional<Monotonic::time_point> due_;
};

}  // namespace vmfleet::testkit

// SPDX-License-Identifier: MIT
// FakeQemu: a process that behaves like QEMU on its wires, and as badly as its script says.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <vmfleet/base/json.hpp>
#include <vmfleet/base/unique_fd.hpp>

#include "testkit/fake_qemu/forwards.hpp"
#include "testkit/fake_qemu/guest.hpp"
#include "testkit/fake_qemu/monitor.hpp"
#include "testkit/fake_qemu/options.hpp"
#include "testkit/fake_qemu/script.hpp"

namespace vmfleet::testkit {

class FakeQemu {
 public:
  /// *Errors*: `invalid_config`, `unavailable`, in QEMU's words.
  FakeQemu(Options options, Script script);
  FakeQemu(FakeQemu&&) = delete;

  /// Serves until the machine ends; returns the exit status.
  int run();

  // What the guest can do.
  void write_serial(std::string_view bytes);
  void emit(std::string_view event, const json::Value& data);
  void guest_resets();
  void panic();
  void shut_down(std::string_view reason, bool by_guest, int status);
  void end(int status) { exit_status_ = status; }
  void close_clients();
  [[nodiscard]] bool running() const { return status_ == "running" && !exit_status_; }
  [[nodiscard]] bool saw_command(std::string_view name) const { return seen_.count(name) != 0; }
  Forwards forwards;

 private:
  void open_monitors();
  void open_serial();
  void lock_pid_file();
  void read_signal();
  void read_serial_input();
  void wait_for_work();

  void serve(Monitor& monitor);
  void answer(Monitor& monitor, const json::Value& request);
  bool misbehave(Monitor& monitor, const json::Value& request);
  json::Object execute(const std::string& command, const json::Value& arguments);
  json::Object control(const std::string& command);
  json::Object change_chardev(const json::Value& arguments);
  std::string human(std::string_view command);
  void set_status(std::string_view status, std::string_view event);

  Options options_;
  Script script_;
  Guest guest_;
  std::vector<Monitor> monitors_;
  UniqueFd signals_;
  UniqueFd pid_file_;
  UniqueFd serial_out_;
  UniqueFd serial_in_;
  std::string status_ = "prelaunch";
  std::set<std::string, std::less<>> seen_;
  std::optional<int> exit_status_;
};

}  // namespace vmfleet::testkit

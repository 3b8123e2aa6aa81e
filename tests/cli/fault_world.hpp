// SPDX-License-Identifier: MIT
// FaultWorld: a fleet of one machine on fake_qemu, and commands that a fault hits.
#pragma once

#include <sys/types.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/cli/program.hpp"

namespace vmfleet::test {

/// What is there before the command.
enum class Before { nothing, running, stopped, running_otherwise };

struct Command {
  std::string name;
  Words words;
  Before before = Before::nothing;
  std::string after;  ///< the machine's state when it has succeeded; "": there is no machine
};

/// Commands that change a machine, each from where it has most to do.
const std::vector<Command>& changing_commands();

/// Whether this build, and with it the program, reports undefined behaviour as it runs.
bool is_sanitized();

/// Every n-th fault only: under a sanitizer, where a command takes several times as long, it is
/// more than 1.
int stride();

/// The machine has a disk of its own, an injected file and a forward: all that is staged for one.
class FaultWorld : public Vmfleet {
 public:
  FaultWorld();

  /// Makes it so, by commands without faults.
  void prepare(Before before);
  /// The call that was hit is in `hit()`; "" when the command made none of that number.
  Ran run_with(const std::string& fault, const Words& words);
  [[nodiscard]] const std::string& hit() const noexcept { return hit_; }

  /// Whether it is a good answer to a fault: no crash, no failure without its cause, in the
  /// system's words; a success must be one, as `require_sound` sees.
  void judge(const Ran& ran, const Command& command, const std::string& cause);
  /// The same of the command that follows a crash: it must recover.
  void judge_next(const Ran& ran, const Command& command);
  /// What must hold whatever has happened before, and what a command has said it did.
  void require_sound();
  /// `down` must succeed, and leave nothing.
  void require_removable();

  /// Everything that was found wrong, each with the fault after which it was.
  [[nodiscard]] const std::vector<std::string>& problems() const noexcept { return problems_; }
  void complain(const std::string& what);
  /// What is being tried, for the complaints.
  std::string trial;

 private:
  [[nodiscard]] std::set<pid_t> qemus() const;
  /// And their log keepers.
  [[nodiscard]] std::set<pid_t> survivors() const;

  std::string hit_;
  std::optional<std::string> state_;  ///< that `ps` must show, after a success
  std::vector<std::string> problems_;
};

}  // namespace vmfleet::test

// SPDX-License-Identifier: MIT
// Vmfleet: the real program in a world of its own, for the tests of the command line.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <vmfleet/base/json.hpp>

#include "tests/support/process_leak_guard.hpp"
#include "tests/support/temp_dir.hpp"

namespace vmfleet::test {

using Words = std::vector<std::string>;

struct Ran {
  int code = -1;  // 128 and the signal's number when a signal ended it
  std::string out;
  std::string err;
};

/// Home, state and cache are temporary folders; machines end with it, and none may be left over.
class Vmfleet {
 public:
  Vmfleet();
  Vmfleet(const Vmfleet&) = delete;
  Vmfleet& operator=(const Vmfleet&) = delete;
  ~Vmfleet();

  Ran run(Words arguments) const;
  /// With --json: the document on stdout. Fails the test when there is none.
  json::Value document(Words arguments, int expected_code = 0) const;
  /// In a shell in which `vmfleet` is the program; both streams go to `out`.
  Ran shell(const std::string& line) const;

  [[nodiscard]] std::vector<std::string> environment_list() const;
  [[nodiscard]] const std::filesystem::path& folder() const noexcept { return folder_.path(); }
  [[nodiscard]] std::filesystem::path state() const { return folder_ / "state"; }

  std::map<std::string, std::string> environment;

 private:
  Ran run_argv(Words argv) const;

  ProcessLeakGuard guard_;
  TempDir folder_;
};

/// One machine, vm-0, with the guest `tiny`, which is built once for all tests.
struct LinuxWorld : Vmfleet {
  /// Ready when this holds too: "agent", "ssh".
  explicit LinuxWorld(const std::string& ready, const std::string& state_folder = "state");
};

/// As the system calls that execute programs want them: the words, and a null pointer.
std::vector<char*> pointers(Words& words);

/// The program's path.
std::string program_path();

/// One of a document's machines.
const json::Value& machine(const json::Value& document, std::size_t index);

/// How often `part` is in it.
std::size_t count_of(const std::string& text, const std::string& part);

/// `up` with a tiny guest under TCG; it is ready when it prints that it is.
Words up_with(const std::string& guest, const Words& more = {});

/// tests/cli/golden.
std::filesystem::path golden_folder();

/// One file of it; VMFLEET_UPDATE_GOLDEN=1 writes what was seen instead.
void compare_with_golden(const std::string& name, const std::string& seen);
std::string read_golden(const std::string& name);

}  // namespace vmfleet::test

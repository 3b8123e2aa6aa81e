// SPDX-License-Identifier: MIT
// Programs in the background, and QEMUs by /proc.
#include "tests/soak/soak.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <vmfleet/base/text.hpp>

#include "tests/support/catch.hpp"

namespace vmfleet::test {

namespace {

constexpr int kPatienceMs = 180'000;

std::string contents(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// `FLEET/NAME` of a QEMU of this state folder; "" of any other process.
std::string machine_of(const std::string& command_line, const std::string& state) {
  const auto words = split(command_line, '\0');
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    const std::string_view path = words[i + 1];
    if (words[i] != "-pidfile" || path.substr(0, state.size() + 1) != state + "/") continue;
    return std::string(path.substr(state.size() + 1, path.rfind('/') - state.size() - 1));
  }
  return {};
}

}  // namespace

int amount(int in_short, int in_full) {
  const char* form = std::getenv("VMFLEET_SOAK");
  return form != nullptr && std::string(form) == "full" ? in_full : in_short;
}

Chance::Chance(const char* what) {
  const char* given = std::getenv("VMFLEET_SOAK_SEED");
  const auto seed =
      given != nullptr ? static_cast<unsigned>(std::stoul(given)) : std::random_device()();
  engine_.seed(seed);
  tell(what, "seed " + std::to_string(seed));
}

std::chrono::microseconds Chance::part_of(std::chrono::microseconds longest) {
  return longest * below(10'000) / 10'000;
}

bool ends_within(pid_t pid, std::chrono::microseconds time) {
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process) return true;
  pollfd end{process.get(), POLLIN, 0};
  timespec limit{};
  limit.tv_sec = time.count() / 1'000'000;
  limit.tv_nsec = time.count() % 1'000'000 * 1'000;
  return ::ppoll(&end, 1, &limit, nullptr) > 0;
}

void tell(const std::string& row, const std::string& figures) {
  std::printf("# %s: %s\n", row.c_str(), figures.c_str());
  std::fflush(stdout);
}

Background::Background(const Vmfleet& world, Words arguments)
    : arguments_(std::move(arguments)), output_((world.folder() / "said-XXXXXX").string()) {
  const UniqueFd output(::mkostemp(output_.data(), O_CLOEXEC));
  REQUIRE(output);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, output.get(), 1);
  ::posix_spawn_file_actions_adddup2(&actions, output.get(), 2);
  Words argv = arguments_;
  argv.insert(argv.begin(), program_path());
  Words environment = world.environment_list();
  const int error = ::posix_spawn(&pid_, argv[0].c_str(), &actions, nullptr, pointers(argv).data(),
                                  pointers(environment).data());
  ::posix_spawn_file_actions_destroy(&actions);
  REQUIRE(error == 0);
  pidfd_ = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  REQUIRE(pidfd_);
}

Background::Background(Background&& other) noexcept
    : arguments_(std::move(other.arguments_)),
      output_(std::move(other.output_)),
      begin_(other.begin_),
      pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)) {}

Background::~Background() {
  if (pid_ < 0) return;
  signal(SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Background::signal(int number) const {
  ::syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0);
}

bool Background::ended() const {
  pollfd end{pidfd_.get(), POLLIN, 0};
  return ::poll(&end, 1, 0) > 0;
}

int Background::wait() {
  pollfd end{pidfd_.get(), POLLIN, 0};
  INFO(join(arguments_, " ") << "\n" << output());
  REQUIRE(::poll(&end, 1, kPatienceMs) == 1);
  int status = 0;
  REQUIRE(::waitpid(std::exchange(pid_, -1), &status, 0) > 0);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

std::string Background::output() const {
  return contents(output_);
}

std::chrono::milliseconds Background::age() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                               begin_);
}

std::chrono::milliseconds time_of(const Vmfleet& world, const Words& arguments) {
  Background command(world, arguments);
  REQUIRE(command.wait() == 0);
  return command.age();
}

std::multimap<std::string, pid_t> live_qemus(const Vmfleet& world) {
  std::multimap<std::string, pid_t> found;
  std::error_code gone;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", gone)) {
    const std::string pid = entry.path().filename();
    if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
    // Of a process that has ended there is no command line.
    const std::string machine = machine_of(contents(entry.path() / "cmdline"), world.state());
    if (!machine.empty()) found.emplace(machine, std::stoi(pid));
  }
  return found;
}

std::multimap<std::string, pid_t> listed_qemus(const json::Value& ps) {
  std::multimap<std::string, pid_t> listed;
  const std::string fleet(ps.text("fleet"));
  for (const json::Value& machine : *ps["machines"].as_array()) {
    const auto pid = machine["pid"].as_int();
    if (pid) listed.emplace(fleet + "/" + std::string(machine.text("name")), *pid);
  }
  return listed;
}

}  // namespace vmfleet::test

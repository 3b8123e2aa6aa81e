// SPDX-License-Identifier: MIT
// QEMUs that are not found in their folders: only their descriptors tell whose they are.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <map>
#include <optional>

#include <fmt/format.h>

#include <vmfleet/async/offload.hpp>
#include <vmfleet/instance/identity.hpp>
#include <vmfleet/instance/instance_directory.hpp>
#include <vmfleet/instance/locks.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/io/process.hpp>

#include "fleet/garbage_bin.hpp"

namespace vmfleet {

namespace {

constexpr Milliseconds kPatience(2'000);

std::optional<pid_t> number_of(const std::filesystem::path& folder) {
  const std::string name = folder.filename().string();
  pid_t pid = 0;
  const char* const end = name.data() + name.size();
  const auto [rest, error] = std::from_chars(name.data(), end, pid);
  if (error != std::errc() || rest != end) return std::nullopt;
  return pid;
}

/// Whether QEMU was started with the pid file of this folder.
bool is_started_for(pid_t pid, const std::filesystem::path& machine) {
  const auto words = arguments_of(pid);
  const std::vector<std::string> option{"-pidfile", (machine / instance_file::kPid).string()};
  return std::search(words.begin(), words.end(), option.begin(), option.end()) != words.end();
}

/// Whether its pid file, by which commands find it, is still there. What cannot be known may be.
bool can_be_found(pid_t pid, const std::filesystem::path& machine) {
  try {
    const auto directory = InstanceDirectory::open(machine);
    // A start that is under way has perhaps written none yet.
    return pid_file_holder(directory) == pid || OperationLock::held(directory);
  } catch (const Error& error) {
    return error.kind() != ErrorKind::not_found;
  }
}

/// The folder of the machine whose QEMU this is, when it is not found there any more: it was
/// started for it, by this user, and holds its `alive`, which was removed. By itself that tells
/// little: whoever clears temporary folders takes what was not written for long.
std::optional<std::filesystem::path> lost_folder(pid_t pid) {
  constexpr std::string_view kRemoved = "/alive (deleted)";
  try {
    struct stat status {};
    const std::string process = fmt::format("/proc/{}", pid);
    if (::stat(process.c_str(), &status) != 0 || status.st_uid != ::geteuid()) return std::nullopt;
    std::error_code error;
    const std::string alive =
        std::filesystem::read_symlink(fmt::format("{}/fd/{}", process, kAliveDescriptor), error);
    if (error || alive.size() <= kRemoved.size() ||
        alive.compare(alive.size() - kRemoved.size(), kRemoved.size(), kRemoved) != 0) {
      return std::nullopt;
    }
    std::filesystem::path machine = alive.substr(0, alive.size() - kRemoved.size());
    const std::string held = files::read(fmt::format("{}/fdinfo/{}", process, kAliveDescriptor));
    const bool ours = held.find(" FLOCK ") != std::string::npos && is_started_for(pid, machine);
    if (ours && !can_be_found(pid, machine)) return machine;
  } catch (const Error&) {
    // It has ended meanwhile.
  }
  return std::nullopt;
}

bool is_below(const std::filesystem::path& path, const std::filesystem::path& root) {
  return path.parent_path().parent_path() == root;
}

using Orphans = std::map<pid_t, std::filesystem::path>;

Orphans find_orphans() {
  Orphans orphans;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    const auto pid = number_of(entry);
    if (!pid) continue;
    if (auto folder = lost_folder(*pid)) orphans.emplace(*pid, *std::move(folder));
  }
  return orphans;
}

std::string reason_of(const std::filesystem::path& folder) {
  std::error_code ignored;
  return std::filesystem::exists(folder, ignored)
             ? "its files were removed from its folder while it ran"
             : "its folder was removed while it ran";
}

Task<void> end_orphan(Pidfd process) {
  process.signal(SIGTERM);
  const bool ended = co_await process.ends_within(kPatience);
  if (ended) co_return;
  process.signal(SIGKILL);
  co_await process.wait_end();
}

/// What goes wrong is reported with it.
Task<void> take_orphan(Garbage garbage, GarbageBin& bin) {
  try {
    auto process = Pidfd::open(*garbage.pid);
    // Asked again: now the number cannot come to mean another process.
    if (!process || lost_folder(*garbage.pid) != garbage.path) co_return;
    if (!bin.dry_run()) co_await end_orphan(*std::move(process));
  } catch (const Error& error) {
    garbage.error = error;
    garbage.reason = error.message();
  }
  if (garbage.error) co_return bin.keep(std::move(garbage));
  const auto nothing = [] {};
  bin.take(std::move(garbage), nothing);
}

}  // namespace

Task<void> collect_orphans(std::filesystem::path state_root, GarbageBin& bin) {
  std::error_code ignored;
  const auto root = std::filesystem::weakly_canonical(state_root, ignored);
  const Orphans orphans = co_await offload(&find_orphans);
  for (const auto& [pid, folder] : orphans) {
    Garbage garbage(GarbageKind::process, folder, reason_of(folder));
    garbage.pid = pid;
    if (is_below(folder, root)) {
      co_await take_orphan(std::move(garbage), bin);
    } else {
      garbage.reason += fmt::format(", in another state directory: `kill {}` ends it", pid);
      bin.keep(std::move(garbage));
    }
  }
}

}  // namespace vmfleet
